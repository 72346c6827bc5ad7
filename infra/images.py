"""`python -m infra.images --stack <stack>` lists the container images that a stack runs, to mirror them.

One line for each: where it comes from, a tab, and its name below the stack's mirror. It comes from the
name to copy or, if this repository builds it, from the `docker build` command that makes it.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from components.software import HAPROXY, PROVISIONER
from components.software.images import build_arguments, reference, source
from components.software.model import Image
from infra.engine import stacks
from infra.engine.checkout import HERE, Checkout
from infra.engine.ending import ended
from infra.settings import Settings, SettingsError, parse


def images(settings: Settings) -> list[Image]:
    """Returns the images that the stack's components need. An image that another is built on comes
    before it."""
    rows = [
        row
        for each in settings.active
        if each.name not in settings.external.components
        for row in (*(() if each.name in settings.limits.managed else each.software), *each.tasks)
    ]
    if settings.external.components:
        rows.append(PROVISIONER)
    if settings.kubernetes.balanced(settings.exposed):
        rows.append(HAPROXY)
    return list({row.image.reference: row.image for row in rows}.values())


def line(image: Image, mirror: str | None) -> str:
    """Returns the image's source, a tab, and the name by which pods use it."""
    target = reference(image, mirror)
    if image.build is None:
        return f"{source(image)}\t{target}"
    given = build_arguments(image, lambda other: reference(other, mirror)).items()
    options = [option for name, value in given for option in ("--build-arg", f"{name}={value}")]
    command = ["docker", "build", "--file", image.build.path, *options, "--tag", target, "."]
    return f"{shlex.join(command)}\t{target}"


def settings_of(stack: str, checkout: Checkout) -> Settings:
    """Returns the settings in the stack's file; encrypted values stay encrypted. Raises SettingsError,
    and EngineError for a stack without a file."""
    stacks.find(checkout, stack)
    document = _unread(stacks.platform(checkout, stack))
    return parse(json.dumps(document), stacks.read(checkout, stack))


def _unread(value: Any) -> Any:
    match value:
        case {"secure": str(), **others} if not others:
            return "[secret]"
        case Mapping():
            return {key: _unread(item) for key, item in value.items()}
        case list():
            return [_unread(item) for item in value]
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.images", description=__doc__)
    parser.add_argument("--stack", default="local")
    stack = parser.parse_args(arguments).stack
    return ended(lambda: _run(stack), HERE, SettingsError)


def _run(stack: str) -> int:
    settings = settings_of(stack, HERE)
    for image in images(settings):
        print(line(image, settings.mirror(stack)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
