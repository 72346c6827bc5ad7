"""Every image can be re-hosted below one prefix, and those of ours can be built."""

import re

import pytest

from components.software import KEYCLOAK, SPARK, TABLE
from components.software.images import build_arguments, reference
from components.software.model import BundledApp, Image, Software
from providers.local.artifacts import maven
from providers.local.artifacts.go import TOOLCHAIN
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
        ("trinodb/trino:476", "mirror.example:5000/bank/trinodb/trino:476"),
        ("postgres:18", "mirror.example:5000/bank/postgres:18"),
    ],
)
def test_a_mirror_takes_the_place_of_the_registry(own: str, mirrored: str) -> None:
    image = Image(own, user=1, home="/")
    assert reference(image, "mirror.example:5000/bank") == mirrored
    assert reference(image, None) == own


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
        for source in sources:
            assert (REPOSITORY / source).exists(), source
            assert source.startswith(allowed), source


@every_image_of_ours
def test_a_dockerfile_names_no_registry_of_packages(software: Software) -> None:
    assert "://" not in _dockerfile(software)


def test_images_are_built_with_the_tools_of_the_local_distribution() -> None:
    arguments = _arguments(TABLE["minio"])
    assert arguments["GO"].startswith(f"golang:{TOOLCHAIN.partition('==')[2]}-")
    assert f"{maven.PLUGIN}:copy" in _dockerfile(SPARK)


def test_images_are_built_on_the_release_of_their_row() -> None:
    for software in (SPARK, KEYCLOAK):
        assert software.image.build
        assert re.search(rf":{re.escape(software.version)}\b", software.image.build.base)


def test_an_image_that_is_not_ours_has_no_build_arguments() -> None:
    with pytest.raises(ValueError, match=r"postgres:18\.6-bookworm is not built here"):
        build_arguments(TABLE["postgres"].image, str)
