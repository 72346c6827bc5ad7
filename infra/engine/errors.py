"""What can go wrong before, around and after the engine. Each message says what to do."""

import shlex
from collections.abc import Sequence
from pathlib import Path


class EngineError(Exception):
    """Base of this package's errors."""


class UnknownStackError(EngineError):
    """There is no stack file of that name."""

    def __init__(self, stack: str, known: Sequence[str], directory: Path) -> None:
        super().__init__(
            f"There is no stack {stack!r}: {directory / f'Pulumi.{stack}.yaml'} does not exist. "
            f"The stacks are: {', '.join(known) or 'none'}. Choose one with STACK=<name>, or add that file."
        )


class StackNameError(EngineError):
    """No stack can have that name."""

    def __init__(self, problem: str, known: Sequence[str]) -> None:
        super().__init__(f"{problem} The stacks are: {', '.join(known) or 'none'}.")


class StackBusyError(EngineError):
    """Another engine works on the stack. Nothing was touched."""


class DamagedStateError(EngineError):
    """A state cannot be read. Nothing was touched."""

    def __init__(self, path: Path, backup: Path | None) -> None:
        if path.suffix == ".zst":
            remedy = (
                'It is compressed with zstd; write it plainly: eval "$(make -s env)"; '
                f"env -u PULUMI_DIY_BACKEND_ZSTD pulumi refresh --stack {path.name.partition('.')[0]}"
            )
        elif backup:
            remedy = f"What it was before the last change is whole: cp {_quoted(backup)} {_quoted(path)}"
        else:
            remedy = (
                "Put a backup of your own there. If there is none, move the file away, and `make down` "
                "clears a local stack from what its directory records"
            )
        super().__init__(
            f"{path} is the state of a stack and cannot be read, as after a power loss. {remedy}"
        )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


class StaleSaltError(EngineError):
    """The stack file's secrets were encrypted with a passphrase that is gone."""

    def __init__(self, path: Path, passphrase: Path) -> None:
        super().__init__(
            f"{path} holds secrets encrypted with a passphrase that {passphrase} no longer has. Put the "
            "passphrase back there, or delete the file's `encryptionsalt` and `secure` lines and set the "
            "secrets again with `pulumi config set --secret`."
        )


class UnsafePassphraseError(EngineError):
    """Others may have read or written the passphrase of this clone's state."""

    def __init__(self, passphrase: Path) -> None:
        super().__init__(
            f"{passphrase} opens every secret in this clone's state, and others may have read or written it. "
            f"If they have not: chown $(id -u) '{passphrase}' && chmod 600 '{passphrase}'. Otherwise change "
            'it first: eval "$(make -s env)"; pulumi stack change-secrets-provider passphrase'
        )


class EmptyPassphraseError(EngineError):
    """The passphrase of this clone's state is not in its file."""

    def __init__(self, passphrase: Path) -> None:
        private = passphrase.parent
        super().__init__(
            f"{passphrase} is empty, as after a power loss: it opens the secrets in this clone's state. Put "
            "a copy of it there. If there is none, those secrets are lost, and a local stack is found again "
            "by its directory, with its data and secrets, after: "
            f"mv {_quoted(private)} {_quoted(private.with_name(f'{private.name}.lost'))}"
        )


class DeniedError(EngineError):
    """This user may not read or write what a command needs."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(
            f"{path} belongs to {owner}, and this user may not use it: an earlier command ran as {owner}. "
            f'Take it over: sudo chown -R "$(id -u):$(id -g)" {_quoted(path)}'
        )


class MalformedStackFileError(EngineError):
    """A stack file cannot be read, or what it says of where the stack runs is wrong. The message names
    file, line and what to write."""


class StackInUseError(EngineError):
    """`clean` would remove what a running stack needs."""


class UnknownComponentError(EngineError):
    """No server of that name runs in the stack."""

    def __init__(self, component: str, known: Sequence[str]) -> None:
        named = f"no server {component!r}" if component else "no component named"
        super().__init__(
            f"There is {named}. Choose one with COMPONENT=<name>: {', '.join(known) or 'none is running'}."
        )


class EngineFailedError(EngineError):
    """A call of the engine failed; it has said why."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        self.output = output
        super().__init__(f"`pulumi {' '.join(arguments)}` ended with exit code {code}:\n{output.strip()}")
