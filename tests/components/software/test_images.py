"""Every image can be re-hosted below one prefix, and those of ours can be built."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from components.software import KEYCLOAK, SPARK, TABLE, build_context, images, toolchain
from components.software.images import build_arguments, content, digests, published, reference, source
from components.software.model import BundledApp, Image, Software
from providers.local.artifacts.lock import REPOSITORY

_OURS = {name: software for name, software in TABLE.items() if software.image.build}
_PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[A-Za-z0-9._-]*")
_FROM = re.compile(r"^FROM (\S+)", re.MULTILINE)
every_image_of_ours = pytest.mark.parametrize("software", _OURS.values(), ids=_OURS.keys())


def _dockerfile(software: Software) -> str:
    assert software.image.build
    return (REPOSITORY / software.image.build.path).read_text()


def _arguments(software: Software) -> dict[str, str]:
    return build_arguments(software.image, lambda image: image.reference)


@pytest.mark.parametrize(
    ("own", "mirrored"),
    [
        ("quay.io/keycloak/keycloak:26", "mirror.example:5000/bank/keycloak/keycloak:26"),
        ("localhost/app:1", "mirror.example:5000/bank/app:1"),
        ("host:5000/app:1", "mirror.example:5000/bank/app:1"),
        ("trinodb/trino:1", "mirror.example:5000/bank/trinodb/trino:1"),
        ("postgres:18", "mirror.example:5000/bank/postgres:18"),
    ],
)
def test_a_mirror_takes_the_place_of_the_registry(own: str, mirrored: str) -> None:
    image = Image(own, user=1, home="/")
    assert reference(image, "mirror.example:5000/bank") == mirrored
    assert reference(image, None) == own


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of what images of ours are built from, in the place of this repository."""
    for name in ("apps", "components/software"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    monkeypatch.setattr(images, "_CONTEXT", tmp_path)
    images._files.cache_clear()
    yield tmp_path
    images._files.cache_clear()


def _contents() -> Mapping[str, str]:
    images._files.cache_clear()
    return {name: content(software.image) for name, software in _OURS.items()}


def _changed(before: Mapping[str, str]) -> set[str]:
    after = _contents()
    return {name for name in before if after[name] != before[name]}


@every_image_of_ours
def test_the_tag_of_an_image_of_ours_is_its_release_and_its_content(software: Software) -> None:
    tag = reference(software.image, "mirror.example").rpartition(":")[2]
    assert tag == f"{software.image.reference.rpartition(':')[2]}-{content(software.image)}"
    assert re.fullmatch(r"[\w][\w.-]{0,127}", tag)


def test_each_clone_names_its_images_alike_whatever_the_times_of_its_files(clone: Path) -> None:
    here = {name: content(software.image) for name, software in _OURS.items()}
    for file in (clone / "apps").rglob("*.py"):
        os.utime(file, (0, 0))
    (clone / "apps" / "kit" / "__pycache__").mkdir(exist_ok=True)
    (clone / "apps" / "kit" / "__pycache__" / "settings.cpython-311.pyc").write_bytes(b"compiled")
    assert not _changed(here)
    assert not _changed(_of_this_repository())


def _of_this_repository() -> Mapping[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "_CONTEXT", REPOSITORY)
        return _contents()


@pytest.mark.parametrize(
    ("file", "renamed"),
    [
        ("apps/provisioner/redis.py", {"provisioner"}),
        ("apps/provisioner/requirements.lock", {"provisioner"}),
        ("apps/kit/result.py", {"provisioner", "projections", "flights"}),
        ("components/software/go/minio/go.sum", {"minio"}),
        ("components/software/docker/spark/Dockerfile", {"spark", "flights"}),
        ("components/software/lock.json", {"spark", "flights"}),
        ("components/software/table.py", set()),
    ],
)
def test_a_change_renames_the_images_that_it_is_part_of(clone: Path, file: str, renamed: set[str]) -> None:
    before = _contents()
    (clone / file).write_text((clone / file).read_text() + "\n")
    assert _changed(before) == renamed


def test_a_new_file_and_a_moved_one_are_changes(clone: Path) -> None:
    before = _contents()
    (clone / "apps" / "projections" / "new.py").touch()
    (clone / "apps" / "provisioner" / "redis.py").rename(clone / "apps" / "provisioner" / "valkey.py")
    assert _changed(before) == {"projections", "provisioner"}


@pytest.mark.parametrize("line", ["ADD apps /app", "COPY --chown=1:1 apps /app", "COPY apps/*.py /app/"])
def test_a_line_that_copies_otherwise_than_by_name_is_refused(tmp_path: Path, line: str) -> None:
    """Else what it copies could change unseen."""
    (tmp_path / "Dockerfile").write_text(f"FROM base\n{line}\n")
    with pytest.raises(ValueError, match=r"Dockerfile: .*: COPY files and folders by their names"):
        build_context.sources("Dockerfile", tmp_path)


@every_image_of_ours
def test_a_dockerfile_mounts_nothing_of_the_build_context(software: Software) -> None:
    assert "--mount" not in _dockerfile(software)


def test_no_two_images_share_a_name_below_a_mirror() -> None:
    names = [reference(software.image, "mirror.example") for software in TABLE.values()]
    assert len(set(names)) == len(names)


def test_what_no_registry_has_is_built() -> None:
    apps = {name for name, row in TABLE.items() if any(isinstance(part, BundledApp) for part in row.parts)}
    assert apps | {"minio", "spark", "keycloak"} == set(_OURS)


@every_image_of_ours
def test_an_image_of_ours_is_named_where_nobody_else_publishes(software: Software) -> None:
    assert software.image.reference.startswith("localhost/nebula/")


@every_image_of_ours
def test_a_dockerfile_is_given_each_of_its_arguments_and_no_other(software: Software) -> None:
    declared = set(re.findall(r"^ARG (.*)$", _dockerfile(software), re.MULTILINE))
    assert declared == set(_arguments(software))
    for argument in declared:
        assert re.search(rf"\$\{{{argument}\b", _dockerfile(software)), argument


@every_image_of_ours
def test_a_dockerfile_names_no_image_itself_and_every_one_is_pinned(software: Software) -> None:
    build = software.image.build
    assert build
    used = set(_FROM.findall(_dockerfile(software)))
    assert used == {f"${{{name}}}" for name in ("BASE", *build.stages)}
    for image in (build.base, *build.stages.values()):
        assert isinstance(image, Image) or _PINNED.fullmatch(image), image


@every_image_of_ours
def test_an_image_of_ours_ends_as_the_user_that_its_pods_have(software: Software) -> None:
    users = re.findall(r"^USER (\S+)$", _dockerfile(software), re.MULTILINE)
    assert users[-1].partition(":")[0] == "${UID}"
    assert _arguments(software)["UID"] == str(software.image.user)


@every_image_of_ours
def test_what_a_dockerfile_copies_is_in_the_build_context(software: Software) -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    allowed = tuple(line[1:] for line in lines if line.startswith("!"))
    for line in re.findall(r"^COPY (?!--from)(.*)$", _dockerfile(software), re.MULTILINE):
        *sources, _ = line.split()
        for name in sources:
            assert (REPOSITORY / name).exists(), name
            assert name.startswith(allowed), name


@every_image_of_ours
def test_a_dockerfile_names_no_registry_of_packages(software: Software) -> None:
    assert "://" not in _dockerfile(software)


def test_images_are_built_with_the_tools_of_the_local_distribution() -> None:
    assert _arguments(TABLE["minio"])["GO"].startswith(f"golang:{toolchain.GO}-")
    assert _arguments(SPARK)["PLUGIN"] == toolchain.MAVEN_DEPENDENCY_PLUGIN
    assert '"${PLUGIN}:copy"' in _dockerfile(SPARK)


def test_images_are_built_on_the_release_of_their_row() -> None:
    for software in (SPARK, KEYCLOAK):
        assert software.image.build
        assert re.search(rf":{re.escape(software.version)}\b", software.image.build.base)


def test_an_image_that_is_not_ours_has_no_build_arguments() -> None:
    for name in (lambda image: build_arguments(image, str), content):
        with pytest.raises(
            ValueError, match=f"{re.escape(TABLE['postgres'].image.reference)} is not built here"
        ):
            name(TABLE["postgres"].image)


_DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> str:
    """Every published image of the table has a digest that is known."""
    known = dict.fromkeys(published(TABLE.values()), _DIGEST)
    monkeypatch.setattr(images, "digests", lambda: known)
    return _DIGEST


def test_the_digests_are_of_images_that_the_table_names() -> None:
    assert digests().keys() <= published(TABLE.values())
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests().values())


def test_published_images_are_what_rows_run_and_what_ours_are_built_on() -> None:
    found = published([TABLE["postgres"], TABLE["minio"], TABLE["flights"]])
    assert TABLE["postgres"].image.reference in found
    assert {toolchain.GO_IMAGE, toolchain.ALPINE_IMAGE, toolchain.PYTHON_IMAGE} <= found
    assert not [name for name in found if name.startswith("localhost/")]


def test_an_image_with_a_known_digest_is_pulled_by_tag_and_digest(locked: str) -> None:
    postgres = TABLE["postgres"].image
    assert reference(postgres, None) == f"{postgres.reference}@{locked}"


def test_a_mirror_answers_for_its_tags_and_is_filled_by_digest(locked: str) -> None:
    """A copy of one platform has another digest than the index that it was taken from."""
    trino = TABLE["trino"].image
    assert reference(trino, "mirror.example") == f"mirror.example/{trino.reference}"
    assert source(trino) == f"trinodb/trino@{locked}"


def test_images_of_ours_are_built_on_the_known_digests_and_renamed_by_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _contents()
    known = {toolchain.ALPINE_IMAGE: _DIGEST}
    monkeypatch.setattr(images, "digests", lambda: known)
    arguments = _arguments(TABLE["minio"])
    assert arguments["BASE"] == f"{toolchain.ALPINE_IMAGE}@{_DIGEST}"
    assert arguments["GO"] == toolchain.GO_IMAGE
    assert _changed(before) == {"minio"}


def test_an_image_without_a_known_digest_is_pulled_by_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "digests", dict)
    for software in TABLE.values():
        if software.image.build is None:
            assert reference(software.image, None) == source(software.image) == software.image.reference
