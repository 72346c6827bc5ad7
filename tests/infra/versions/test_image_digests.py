"""`make lock` on image digests: what a registry says is written, what none says is kept."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from components.software import TABLE
from components.software.images import published
from infra.versions import container_registry, image_digests
from infra.versions.container_registry import RegistryError, UnreachableError
from tests.infra.versions.stand_in_registry import DIGEST, stand_in_registry

_ALL = sorted(published(TABLE.values()))
_OLD = f"sha256:{'0' * 64}"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "image_digests.json"
    path.write_text(json.dumps({_ALL[0]: _OLD, "gone:1": _OLD}))
    return path


def _renew(lock: Path, answers: Mapping[str, str | RegistryError]) -> list[str]:
    """Renews with registries that give `answers`; whoever is not in it does not answer."""

    def ask(names: Iterable[str], seconds: float) -> Mapping[str, str | RegistryError]:
        assert seconds <= 10
        return {name: answers.get(name, UnreachableError("silent")) for name in names}

    said: list[str] = []
    image_digests.renew(said.append, ask, lock)
    return said


def test_every_answer_is_written_and_what_the_table_no_longer_has_is_dropped(lock: Path) -> None:
    assert _renew(lock, dict.fromkeys(_ALL, DIGEST)) == []
    assert json.loads(lock.read_text()) == dict.fromkeys(_ALL, DIGEST)


def test_without_an_answer_digests_are_kept_and_one_line_says_so(lock: Path) -> None:
    (line,) = _renew(lock, {_ALL[1]: DIGEST})
    assert json.loads(lock.read_text()) == {_ALL[0]: _OLD, _ALL[1]: DIGEST}
    assert "no answer from docker.io, ghcr.io, quay.io" in line
    assert f"1 of {len(_ALL) - 1} images keep a digest" in line


def test_a_tag_that_its_registry_does_not_have_is_an_error_once_the_rest_is_written(lock: Path) -> None:
    answers: dict[str, str | RegistryError] = {
        **dict.fromkeys(_ALL, DIGEST),
        _ALL[2]: RegistryError("no tag"),
    }
    with pytest.raises(RegistryError, match="no tag"):
        _renew(lock, answers)
    assert json.loads(lock.read_text())[_ALL[1]] == DIGEST


def test_a_registry_is_asked_for_its_own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The protocol and the file together, on a stand-in registry."""
    lock = tmp_path / "image_digests.json"
    lock.write_text("{}")
    with stand_in_registry() as registry:
        monkeypatch.setattr(image_digests, "published", lambda _: {registry.app})
        image_digests.renew(list[str]().append, container_registry.digests, lock)
        assert json.loads(lock.read_text()) == {registry.app: DIGEST}
