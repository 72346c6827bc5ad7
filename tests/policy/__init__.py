"""Tests of the policies."""

VARIABLE = "POLICY_PROGRAM"
"""Of the environment: which program of `programs.py` the engine runs."""
