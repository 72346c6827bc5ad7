"""Tests of the workflows, and the linter that judges them."""
