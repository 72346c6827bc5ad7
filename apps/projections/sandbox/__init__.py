"""Projection programs, run where they can do no harm: Starlark, in a process of its own with limits."""
