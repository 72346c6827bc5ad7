"""Policies: `pack/` judges the stack before it is deployed."""
