"""Converges a server to the state that a spec declares: idempotent, never drops data."""
