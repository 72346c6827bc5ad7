"""Chooses where the state is kept: the backend that the user logged in to, else a file backend in the
checkout.

With a backend of the user's own, this module sets neither PULUMI_HOME nor a passphrase.
"""

import json
import os
import secrets
import stat
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.engine.checkout import Checkout
from infra.engine.errors import EmptyPassphraseError, UnsafePassphraseError
from providers.local.plugin.layout import sync_directory, write_atomically


@dataclass(frozen=True)
class Backend:
    """The backend of a command. `variables` are what the engine needs in its environment for it; `state` is
    the directory of a file backend on this machine, None for any other; `in_checkout` is set for the
    checkout's own."""

    variables: Mapping[str, str]
    state: Path | None
    in_checkout: bool


def choose(checkout: Checkout, environment: Mapping[str, str]) -> Backend:
    """Returns the backend that `environment` or a login names, else the checkout's own, which is made if it
    is not there.

    Raises UnsafePassphraseError or EmptyPassphraseError when the passphrase of the checkout's own cannot be
    trusted.
    """
    url = environment.get("PULUMI_BACKEND_URL", "")
    own_url = checkout.state.as_uri()
    if url and url.partition("?")[0] != own_url:
        return Backend({}, _directory(url), in_checkout=False)
    if not url and (environment.get("PULUMI_ACCESS_TOKEN") or (url := logged_in(environment))):
        return Backend({}, _directory(url), in_checkout=False)
    _make(checkout)
    variables = {
        "PULUMI_HOME": str(checkout.home),
        # Beside each file the backend would write attributes, not atomically: an engine that is killed
        # in between leaves them empty, and the next finds "failed to load checkpoint: EOF".
        "PULUMI_BACKEND_URL": f"{own_url}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(checkout.passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    return Backend(variables, checkout.state, in_checkout=True)


def logged_in(environment: Mapping[str, str]) -> str:
    """Returns the address of the backend that `pulumi login` chose, or an empty string when there is none."""
    home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        return str(json.loads((home / "credentials.json").read_text()).get("current") or "")
    except (FileNotFoundError, json.JSONDecodeError):
        return ""


def _directory(url: str) -> Path | None:
    if not url.startswith("file://"):
        return None
    path = Path(url.removeprefix("file://").partition("?")[0]).expanduser()
    return path if path.is_absolute() else None


def _make(checkout: Checkout) -> None:
    for directory in (checkout.private, checkout.state, checkout.home):
        directory.mkdir(mode=0o700, exist_ok=True)
    if not checkout.passphrase.exists():
        _mint(checkout.passphrase)
    found = checkout.passphrase.lstat()
    # Root in a user's checkout runs that user's code already.
    owners = {os.geteuid(), checkout.root.stat().st_uid}
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
        raise UnsafePassphraseError(checkout.passphrase)
    if not checkout.passphrase.read_bytes().strip(b"\0" + string.whitespace.encode()):
        raise EmptyPassphraseError(checkout.passphrase)


def _mint(passphrase: Path) -> None:
    """Writes a random passphrase, and has it survive a power loss: without it the state's secrets are
    lost."""
    temporary = passphrase.with_name(f"{passphrase.name}.{os.getpid()}")
    write_atomically(temporary, secrets.token_urlsafe(32))
    try:
        # Not by a rename: another run may have been first, and has encrypted with its own.
        os.link(temporary, passphrase)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        temporary.rename(passphrase)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(passphrase.parent)
