"""`make images`: exactly what a stack runs, in a form that scripts read."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from components.software import FLIGHTS, PROVISIONER, REDIS, SPARK, TABLE
from components.software.images import reference
from components.software.model import Image
from infra.engine.checkout import HERE, Checkout
from infra.images import images, line, settings_of
from infra.settings import Components, Settings, SettingsError
from infra.stack_file import KEY
from tests.infra.kubernetes_stack import CHECKOUT, TEMPLATE, objects, run
from tests.infra.projections import declared

_ALL = tuple(Components.model_fields)


def _settings(**changes: object) -> Settings:
    document = yaml.safe_load(TEMPLATE.read_text())["config"][KEY]
    return Settings.model_validate_json(json.dumps({**document, **changes}))


def _only(*components: str, **changes: object) -> list[Image]:
    return images(_settings(components={name: name in components for name in _ALL}, **changes))


def _checkout(root: Path, text: str) -> Checkout:
    (root / "stacks").mkdir()
    (root / "stacks" / "Pulumi.mine.yaml").write_text(text)
    return Checkout(root)


def test_the_lab_stack_runs_exactly_the_images_that_are_listed() -> None:
    settings = _settings()
    listed = {line(image, settings.kubernetes.images.mirror).split("\t")[1] for image in images(settings)}
    used = set()
    for registered in objects(run()).values():
        if template := (registered.inputs.get("spec") or {}).get("template"):
            pod = template["spec"]
            used |= {each["image"] for each in (*pod["containers"], *(pod.get("initContainers") or ()))}
    # Executors are the driver's to start.
    assert used | {reference(SPARK.image, "registry.nebula.test")} == listed


def test_a_component_that_is_off_needs_no_image() -> None:
    assert _only("redis", demo=False) == [REDIS.image]
    assert PROVISIONER.image in _only("kafka", demo=False)
    assert not {FLIGHTS.image.reference} & {image.reference for image in images(_settings(demo=False))}


def test_every_row_that_runs_as_a_container_is_some_components() -> None:
    rows = {row.image.reference for name, row in TABLE.items() if not name.startswith("java-")}
    kubernetes = {"load_balancer": {"tls_secret": "site"}}
    everything = _settings(
        **declared(), demo=True, expose={"trino": "sql.example.org"}, kubernetes=kubernetes
    )
    assert {image.reference for image in images(everything)} == rows


def test_an_image_comes_before_those_that_are_built_on_it() -> None:
    found = images(_settings())
    assert found.index(SPARK.image) < found.index(FLIGHTS.image)


def test_a_line_is_a_source_and_a_target() -> None:
    release = TABLE["nessie"].version
    assert line(TABLE["nessie"].image, "mirror.example/bank") == (
        f"ghcr.io/projectnessie/nessie:{release}\tmirror.example/bank/projectnessie/nessie:{release}"
    )
    assert line(REDIS.image, None) == f"{REDIS.image.reference}\t{REDIS.image.reference}"


def test_the_source_of_an_image_of_ours_is_the_command_that_builds_it() -> None:
    source, target = line(FLIGHTS.image, "mirror.example").split("\t")
    words = shlex.split(source)
    assert words[:4] == ["docker", "build", "--file", "apps/pipelines/flights/Dockerfile"]
    assert f"SPARK={reference(SPARK.image, 'mirror.example')}" in words
    assert words[-3:] == ["--tag", target, "."]


def test_encrypted_values_of_a_stack_stay_unread(tmp_path: Path) -> None:
    text = (
        "config:\n  nebula:platform:\n    cloud: kubernetes\n    trino:\n      catalogs:\n"
        "        other:\n          connector.name: memory\n          key: {secure: v1:cipher}\n"
    )
    found = settings_of("mine", _checkout(tmp_path, text))
    assert found.trino.catalogs["other"]["key"] == "[secret]"


def test_a_wrong_stack_file_is_refused_with_its_line(tmp_path: Path) -> None:
    text = (
        "config:\n  nebula:platform:\n    cloud: kubernetes\n    kubernetes:\n      images: {build: true}\n"
    )
    with pytest.raises(SettingsError, match=r"line 5: .*build needs mirror"):
        settings_of("mine", _checkout(tmp_path, text))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("checkout")
    (root / "stacks").mkdir()
    shutil.copy(TEMPLATE, root / "stacks")
    return Checkout(root)


def test_a_stack_is_made_from_its_template(template: Checkout) -> None:
    assert settings_of("lab", template) == _settings()
    assert HERE.root == CHECKOUT
