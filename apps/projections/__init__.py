"""Projections: events of JetStream folded into durable, queryable views, each exactly once."""
