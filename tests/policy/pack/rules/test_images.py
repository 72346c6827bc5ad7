"""Where container images come from."""

import pytest

from tests.policy.pack.case import Case, ids, pod

_DIGEST = "sha256:" + "0" * 64


def _case(rule: str, image: str, violations: int = 0) -> Case:
    return Case(rule, image, (pod({"image": image}),), violations)


CASES = [
    _case("images-pinned", "trinodb/trino", 1),
    _case("images-pinned", "trinodb/trino:latest", 1),
    _case("images-pinned", "registry.example:5000/trino", 1),
    _case("images-pinned", "registry.example:5000/trino:1"),
    _case("images-pinned", f"registry.example:5000/trino@{_DIGEST}"),
    _case("images-pinned", f"trino:latest@{_DIGEST}"),
    _case("no-dead-image-source", "bitnamilegacy/kafka:4.0.0", 1),
    _case("no-dead-image-source", "mirror.example/bitnamilegacy/kafka:4.0.0", 1),
    _case("no-dead-image-source", "minio/minio:RELEASE.2025-04-22T22-12-26Z", 1),
    _case("no-dead-image-source", "docker.io/minio/minio:RELEASE.2025-04-22T22-12-26Z", 1),
    _case("no-dead-image-source", "quay.io/minio/minio:RELEASE.2025-04-22T22-12-26Z", 1),
    _case("no-dead-image-source", "registry.example/nebula/minio:2026-01-01T00-00-00Z"),
    _case("no-dead-image-source", "apache/kafka:4.0.0"),
    _case("no-dead-image-source", "redis:7-alpine"),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_images_are_pinned_and_maintained(case: Case) -> None:
    assert len(case.messages()) == case.violations
