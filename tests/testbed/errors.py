"""What can go wrong with the testbed. Every message says what happened, where, and what to do."""


class TestbedError(Exception):
    """The base of this package's errors."""

    __test__ = False  # Not a test class, whatever pytest thinks of its name.


class NotBuiltError(TestbedError):
    """A program or an image of the testbed has not been built yet."""


class DaemonError(TestbedError):
    """A server ended early, or was not ready in time."""


class HostError(TestbedError):
    """The machine lacks what the testbed needs, or something is in its way."""


class ImageError(TestbedError):
    """An image cannot be made or loaded."""
