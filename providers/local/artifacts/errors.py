"""The errors of this package. Each message says what happened, to what, and what to do."""


class ArtifactError(Exception):
    """The base of all errors of this package."""


class LockError(ArtifactError):
    """The lock does not have a part, or has other files for it."""


class FetchError(ArtifactError):
    """A package client failed. Another attempt may succeed."""


class StalledError(FetchError):
    """A package client made no progress and was ended."""


class ChecksumError(FetchError):
    """A file has another checksum than the lock says. The file has been deleted."""

    def __init__(self, coordinates: str, file: str, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"{coordinates}: {file} has the sha256 {actual}, the lock says {expected}. The file was deleted. "
            "Run again. If this happens again, the registry or a proxy alters the file, or the "
            "release was replaced: find out which before you use it. `make lock` accepts a new file."
        )


class UnpackError(ArtifactError):
    """An archive is damaged, or lacks a file that the software table names."""


class MissingToolError(ArtifactError):
    """A program that fetches or builds is missing or too old."""
