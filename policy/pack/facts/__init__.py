"""Finds facts in resources, independent of their types; rules judge the facts."""
