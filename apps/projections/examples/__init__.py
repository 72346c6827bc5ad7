"""Projection programs to start from."""
