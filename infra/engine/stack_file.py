"""Stack files: `stacks/Pulumi.<stack>.yaml`.

Each is everybody's own: `pulumi stack init` writes a salt into it that binds it to one passphrase,
so it is not tracked; those that come with the project are made from tracked templates.
"""

import re
import shutil
from typing import Any

import yaml

from infra.engine.checkout import PROJECT, Checkout
from infra.engine.errors import MalformedStackFileError, StaleSaltError, UnknownStackError

LOCAL = "local"
_NAME = re.compile(r"^Pulumi\.(?P<stack>[A-Za-z0-9_-]+)(\.template)?\.yaml$")
_SALT = re.compile(r"^encryptionsalt:.*\n", re.MULTILINE)


def known_stacks(checkout: Checkout) -> list[str]:
    """The stacks that have a file, or a template that theirs is made from."""
    files = (_NAME.match(path.name) for path in checkout.stacks.glob("Pulumi.*.yaml"))
    return sorted({match["stack"] for match in files if match})


def ensure(checkout: Checkout, stack: str) -> None:
    """Make the file of a stack from its template. Raises UnknownStackError for a stack without."""
    path = checkout.stack_file(stack)
    if path.exists():
        return
    if stack not in known_stacks(checkout):
        raise UnknownStackError(stack, known_stacks(checkout), checkout.stacks)
    temporary = path.with_suffix(".new")
    shutil.copyfile(checkout.stacks / f"Pulumi.{stack}.template.yaml", temporary)
    temporary.rename(path)


def drop_stale_salt(checkout: Checkout, stack: str) -> None:
    """Forget the salt of a passphrase that is gone: the stack is new to the backend.

    Raises StaleSaltError when the file holds secrets that only that passphrase opens.
    """
    path = checkout.stack_file(stack)
    text = path.read_text()
    if not _SALT.search(text):
        return
    if re.search(r"^\s+secure:", text, re.MULTILINE):
        raise StaleSaltError(path, checkout.passphrase)
    path.write_text(_SALT.sub("", text))


def platform(checkout: Checkout, stack: str) -> dict[str, Any]:
    """`nebula:platform` as the stack's file has it, unchecked: empty when it is no mapping.

    Raises MalformedStackFileError with the line to correct.
    """
    path = checkout.stack_file(stack)
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise MalformedStackFileError(path, str(error)) from error
    config = content.get("config") if isinstance(content, dict) else None
    platform = config.get(f"{PROJECT}:platform") if isinstance(config, dict) else None
    return platform if isinstance(platform, dict) else {}


def is_local(checkout: Checkout, stack: str) -> bool:
    """Whether the stack runs on this machine."""
    return str(platform(checkout, stack).get("cloud", LOCAL)) == LOCAL
