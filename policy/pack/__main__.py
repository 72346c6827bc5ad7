"""Starts the policy pack; the engine runs this module."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# The engine runs this folder by its path: the repository's root is put in its place.
sys.path[:] = [str(_HERE.parents[1]), *(entry for entry in sys.path if Path(entry or ".").resolve() != _HERE)]

from policy.pack.analyzer import serve

serve()
