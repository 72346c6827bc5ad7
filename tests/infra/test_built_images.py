"""Images of ours, built and pushed by the program."""

import base64
import json
from typing import Any

import pytest

from components.software import POSTGRES, TABLE
from components.software.images import reference
from tests.infra.kubernetes_stack import CHECKOUT, objects, run
from tests.infra.projections import declared
from tests.mocked_program import Run

_IMAGE = "docker:index/image:Image"
_MIRROR = "registry.example/bank"


@pytest.fixture(scope="module")
def built() -> Run:
    return run(declared(kubernetes={"images": {"mirror": _MIRROR, "build": True}}))


def _image_of(registered: Run, workload: str) -> Any:
    pod = objects(registered)[workload].inputs["spec"]["template"]["spec"]
    return pod["containers"][0]["image"]


def test_every_image_of_ours_is_built_once(built: Run) -> None:
    made = {resource.inputs["imageName"] for resource in built.of_type(_IMAGE).values()}
    assert made == {reference(row.image, _MIRROR) for row in TABLE.values() if row.image.build}


def test_images_are_built_from_the_checkout_with_what_the_table_says(built: Run) -> None:
    build = built.of_type(_IMAGE)["minio"].inputs["build"]
    assert build["context"] == str(CHECKOUT)
    assert build["dockerfile"] == str(CHECKOUT / "components/software/go/minio/Dockerfile")
    assert build["args"]["PACKAGE"] == "github.com/minio/minio"
    assert build["platform"] == "linux/amd64"


def test_an_image_is_built_on_another_of_ours_by_its_digest(built: Run) -> None:
    flights = built.of_type(_IMAGE)["flights"]
    assert flights.inputs["build"]["args"]["SPARK"] == f"{_MIRROR}/nebula/spark@sha256:digest-of-spark"


def test_pods_have_images_of_ours_by_digest_and_others_by_name(built: Run) -> None:
    assert _image_of(built, "StatefulSet/object_store") == f"{_MIRROR}/nebula/minio@sha256:digest-of-minio"
    assert _image_of(built, "StatefulSet/postgres") == f"{_MIRROR}/{POSTGRES.image.reference}"


def test_executors_have_the_image_that_was_built(built: Run) -> None:
    secrets = objects(built)["Secret/flights-pipeline-secrets"].inputs
    assert "sha256:digest-of-spark" in json.dumps(_decoded(secrets["data"]))


def test_images_carry_a_provider_of_docker_alone(built: Run) -> None:
    for resource in built.of_type(_IMAGE).values():
        assert "pulumi:providers:docker::docker::" in resource.provider


def test_nothing_is_built_unless_asked() -> None:
    assert not run().of_type(_IMAGE)


def test_a_preview_registers_the_same_resources(built: Run) -> None:
    changes = declared(kubernetes={"images": {"mirror": _MIRROR, "build": True}})
    assert set(run(changes, preview=True).resources) == set(built.resources)


def _decoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
