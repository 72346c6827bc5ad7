"""Says where files lie in a checkout of this repository."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = "nebula"


@dataclass(frozen=True)
class Checkout:
    """A checkout of this repository at `root`. Files that are private to its user are below `.nebula/`,
    untracked."""

    root: Path

    @property
    def stacks(self) -> Path:
        """The directory of the stack files and their templates."""
        return self.root / "stacks"

    def stack_file(self, stack: str) -> Path:
        """Returns where the file of `stack` is, or would be."""
        return self.stacks / f"Pulumi.{stack}.yaml"

    @property
    def private(self) -> Path:
        """The directory of the files that are private to the checkout's user."""
        return self.root / ".nebula"

    @property
    def state(self) -> Path:
        """The directory of the checkout's file backend, which is used when no other backend is logged in."""
        return self.private / "state"

    @property
    def home(self) -> Path:
        """PULUMI_HOME while that backend is used."""
        return self.private / "home"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase of that backend's secrets."""
        return self.private / "passphrase"


HERE = Checkout(Path(__file__).resolve().parents[2])
