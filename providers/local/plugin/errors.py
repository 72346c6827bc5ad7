"""What can go wrong in the plugin. Every message says what happened, where, and what to do."""


class PluginError(Exception):
    """An operation on a resource failed; its text is shown to the user as it is."""


class BusyError(PluginError):
    """Another engine is changing the same stack directory."""


class CancelledError(PluginError):
    """The engine asked to stop while an operation was waiting."""

    def __init__(self, what: str) -> None:
        super().__init__(f"cancelled while {what}; run `pulumi up` again to continue")


class SupervisorError(PluginError):
    """supervisord did not start, did not answer or refused a request."""


class CommandError(PluginError):
    """A command that should run to completion failed or ran out of time."""


class NotReadyError(PluginError):
    """A server ended, or did not become ready before its deadline."""


class NotOurOwnError(PluginError):
    """A directory or a port is not this stack's: nothing was touched."""


class SoftwareError(PluginError):
    """Software could not be fetched, verified or unpacked."""


class AccountError(PluginError):
    """The account of unprivileged servers is missing, is another's, or may not be given a file."""


class SecretError(PluginError):
    """The file of a secret may be known to others."""
