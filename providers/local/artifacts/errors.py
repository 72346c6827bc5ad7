"""What can go wrong with an artifact. Every message says what happened, to what, and what to do."""


class ArtifactError(Exception):
    """The base of this package's errors."""


class LockError(ArtifactError):
    """The lock does not know a part, or knows it differently."""


class FetchError(ArtifactError):
    """A package client failed; worth another try."""


class StalledError(FetchError):
    """A package client made no progress and was ended."""


class ChecksumError(FetchError):
    """A file is not the one of the lock. It has been deleted."""

    def __init__(self, coordinates: str, file: str, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{coordinates}: {file} is not the file of the lock and was deleted: "
            f"sha256 should be {expected} and is {actual}. Run again; if it stays so, the registry or a "
            "proxy on the way alters the file, or the release was replaced: do not use it. "
            "'make lock' accepts a new file."
        )


class UnpackError(ArtifactError):
    """An archive is damaged, or lacks what the software table expects in it."""


class MissingToolError(ArtifactError):
    """A program that is needed to fetch or build is missing or too old."""
