"""Projections: a service that applies events of JetStream to durable views, each exactly once, and answers
queries."""
