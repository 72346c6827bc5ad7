"""Where things lie in a clone of this repository."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = "nebula"


@dataclass(frozen=True)
class Checkout:
    """A clone at `root`. What is made for its user alone is below `.nebula/`, untracked."""

    root: Path

    @property
    def stacks(self) -> Path:
        return self.root / "stacks"

    def stack_file(self, stack: str) -> Path:
        return self.stacks / f"Pulumi.{stack}.yaml"

    @property
    def private(self) -> Path:
        return self.root / ".nebula"

    @property
    def state(self) -> Path:
        """The file backend's directory, used when no other backend is logged in."""
        return self.private / "state"

    @property
    def home(self) -> Path:
        """PULUMI_HOME, with that backend."""
        return self.private / "home"

    @property
    def passphrase(self) -> Path:
        return self.private / "passphrase"


HERE = Checkout(Path(__file__).resolve().parents[2])
