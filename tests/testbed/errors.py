"""The testbed's exceptions. Every message says what is wrong, where, and what to do."""


class TestbedError(Exception):
    """Base class of the testbed's exceptions."""

    __test__ = False  # Not a test class, whatever pytest thinks of its name.


class NotBuiltError(TestbedError):
    """A program or an image of the testbed has not been built yet."""


class DaemonError(TestbedError):
    """A server ended early or was not ready in time."""


class HostError(TestbedError):
    """The machine lacks something that the testbed needs, or something conflicts with it."""


class ImageError(TestbedError):
    """An image cannot be made or loaded."""
