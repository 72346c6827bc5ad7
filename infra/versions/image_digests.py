"""Renews `components/software/image_digests.json`: the digests of container images that others publish."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from components.software import TABLE
from components.software.images import DIGESTS, digests, published
from infra.versions import container_registry
from infra.versions.container_registry import RegistryError, UnreachableError, parse

SECONDS = 10.0
"""How long all registries together may take to answer."""

Ask = Callable[[Iterable[str], float], Mapping[str, str | RegistryError]]


def renew(say: Callable[[str], None], ask: Ask = container_registry.digests, lock: Path = DIGESTS) -> None:
    """Writes the digest of each published image of the software table to `lock`.

    An image whose registry does not answer keeps the digest that it has; one line says so. Raises
    RegistryError, after the file is written, when a registry answers that it has no such tag or refuses.
    """
    kept = digests(lock)
    answers = ask(sorted(published(TABLE.values())), SECONDS)
    found = {name: answer if isinstance(answer, str) else kept.get(name) for name, answer in answers.items()}
    text = json.dumps({name: value for name, value in sorted(found.items()) if value}, indent=2) + "\n"
    if text != lock.read_text(encoding="utf-8"):
        lock.write_text(text, encoding="utf-8")
    digests.cache_clear()
    silent = [name for name, answer in answers.items() if isinstance(answer, UnreachableError)]
    if silent:
        registries = ", ".join(sorted({parse(name).registry for name in silent}))
        say(
            f"image digests: no answer from {registries}; {sum(map(bool, map(kept.get, silent)))} of "
            f"{len(silent)} images keep a digest, the others are used by their tags"
        )
    refused = [str(answer) for answer in answers.values() if _refuses(answer)]
    if refused:
        raise RegistryError("\n".join(refused))


def _refuses(answer: str | RegistryError) -> bool:
    return isinstance(answer, RegistryError) and not isinstance(answer, UnreachableError)
