"""The errors of this package. Each message says what is wrong, where, and what to do."""

import shlex
from collections.abc import Sequence
from pathlib import Path


class EngineError(Exception):
    """The base class of this package's errors."""


class UnknownStackError(EngineError):
    """The checkout has neither a stack file nor a template for the stack that was named."""

    def __init__(self, stack: str, known: Sequence[str], directory: Path) -> None:
        super().__init__(
            f"There is no stack {stack!r}: {directory / f'Pulumi.{stack}.yaml'} does not exist. "
            f"The stacks are: {', '.join(known) or 'none'}. Choose one with STACK=<name>, or add that file."
        )


class StackNameError(EngineError):
    """A name that no stack can have was given for a stack."""

    def __init__(self, problem: str, known: Sequence[str]) -> None:
        super().__init__(f"{problem} The stacks are: {', '.join(known) or 'none'}.")


class StackBusyError(EngineError):
    """Another engine works on the stack. Nothing was changed."""


class DamagedStateError(EngineError):
    """A state file of the file backend cannot be read. Nothing was changed."""

    def __init__(self, path: Path, backup: Path | None) -> None:
        if path.suffix == ".zst":
            remedy = (
                "It is compressed with zstd, which only the engine reads. Have it written plainly: eval "
                '"$(make -s env)"; env -u PULUMI_DIY_BACKEND_ZSTD pulumi refresh --stack '
                f"{path.name.partition('.')[0]}"
            )
        elif backup:
            remedy = (
                f"The state before the last change is whole. Restore it: cp {_quoted(backup)} {_quoted(path)}"
            )
        else:
            remedy = (
                "Restore a backup of your own. Without one, move the file to another place: `make down` then "
                "removes a local stack by what its directory records"
            )
        super().__init__(
            f"{path} is the state of a stack and cannot be read, which a power loss may cause. {remedy}"
        )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


class StaleSaltError(EngineError):
    """A stack file holds secrets that were encrypted with a passphrase that is gone."""

    def __init__(self, path: Path, passphrase: Path) -> None:
        super().__init__(
            f"{path} holds secrets encrypted with a passphrase that {passphrase} no longer has. Put the "
            "passphrase back there, or delete the file's `encryptionsalt` and `secure` lines and set the "
            "secrets again with `pulumi config set --secret`."
        )


class UnsafePassphraseError(EngineError):
    """Other users may have read or written the passphrase of this checkout's state."""

    def __init__(self, passphrase: Path) -> None:
        super().__init__(
            f"{passphrase} opens every secret in this checkout's state, and other users may have read or "
            f"written it. If they have not: chown $(id -u) '{passphrase}' && chmod 600 '{passphrase}'. If "
            'they may have, change it after that: eval "$(make -s env)"; pulumi stack '
            "change-secrets-provider passphrase"
        )


class EmptyPassphraseError(EngineError):
    """The file of the passphrase of this checkout's state is empty."""

    def __init__(self, passphrase: Path) -> None:
        private = passphrase.parent
        lost = _quoted(private.with_name(f"{private.name}.lost"))
        super().__init__(
            f"{passphrase} is empty, which a power loss may cause. It opens the secrets in this checkout's "
            "state: restore a copy. Without one those secrets are lost; a local stack is found again by its "
            f"directory, with its data and secrets, after: mv {_quoted(private)} {lost}"
        )


class DeniedError(EngineError):
    """The current user may not read or write a file that a command needs."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(
            f"{path} belongs to {owner}, as an earlier command ran as that user, and the current user may "
            f'not use it. Take it over: sudo chown -R "$(id -u):$(id -g)" {_quoted(path)}'
        )


class MalformedStackFileError(EngineError):
    """A stack file cannot be read, or says wrongly where the stack runs. The message names file and line, and
    what to write there."""


class StackInUseError(EngineError):
    """`make clean` would remove files that a stack needs."""


class UnknownComponentError(EngineError):
    """No server of the stack has the name that was given, or none was given."""

    def __init__(self, component: str, known: Sequence[str]) -> None:
        problem = f"The stack has no server {component!r}" if component else "No server was named"
        super().__init__(
            f"{problem}. Name one with COMPONENT=<name>: {', '.join(known) or 'none has a log yet'}."
        )


class EngineFailedError(EngineError):
    """A command of the engine failed. `output` is what it printed on stderr."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        self.output = output
        super().__init__(f"`pulumi {' '.join(arguments)}` ended with exit code {code}:\n{output.strip()}")
