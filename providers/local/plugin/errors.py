"""The plugin's exceptions. Every message says what is wrong, where, and what to do."""


class PluginError(Exception):
    """Base class: an operation on a resource failed. Its text is shown to the user unchanged."""


class BusyError(PluginError):
    """Another Pulumi engine is changing the same stack directory."""


class CancelledError(PluginError):
    """The engine cancelled while an operation was waiting. `what` names the operation: "waiting for
    trino"."""

    def __init__(self, what: str) -> None:
        super().__init__(f"cancelled while {what}; run `pulumi up` again to continue")


class SupervisorError(PluginError):
    """supervisord did not start, did not answer or refused a request."""


class CommandError(PluginError):
    """A command could not be started, failed, or did not end within its timeout."""


class NotReadyError(PluginError):
    """A server ended or did not become ready before its deadline."""


class NotOwnedError(PluginError):
    """A directory or a port belongs to somebody else than this stack. Nothing was changed."""


class SoftwareError(PluginError):
    """Software could not be downloaded, verified or unpacked."""


class AccountError(PluginError):
    """The system account of the servers cannot be used or created, or a file cannot safely be given to it."""


class SecretError(PluginError):
    """Other users may have read or written the file of a secret."""
