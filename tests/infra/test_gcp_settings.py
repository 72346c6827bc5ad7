"""What a stack may say of Google Cloud, and what it is told when it is wrong."""

from typing import Any

import pytest

from infra.settings import SettingsError
from tests.infra.gcp_stack import STACKS, settings


@pytest.mark.parametrize("stack", STACKS)
def test_the_templates_are_valid(stack: str) -> None:
    assert settings(stack).cloud == "gcp"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"project": "My Project"}, "gcp.project"),
        ({"region": "europe-west3-a"}, "gcp.region"),
        ({"zones": ["europe-west3-a"]}, "gcp.zones"),
        ({"zones": ["a", "a"]}, "zones: a is there twice"),
        ({"network": "10.0.0.0/24"}, "10.0.0.0/24 is not a private network of /12 to /18"),
        ({"network": "8.8.0.0/16"}, "8.8.0.0/16 is not a private network"),
        ({"api_access": []}, "gcp.api_access"),
        ({"api_access": ["0.0.0.0/0"]}, "opens the API server to the whole internet"),
        ({"api_access": ["my office"]}, "my office is not an IPv4 network"),
        ({"release_channel": "nightly"}, "gcp.release_channel"),
        ({"regoin": "europe-west3"}, "did you mean region?"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings("gcp-dev", {"gcp": changes})
    assert told in str(error.value)
    assert "gcp" in str(error.value)


def test_images_are_in_the_stack_s_repository_unless_a_mirror_is_given() -> None:
    mine = settings("gcp-dev").mirror("gcp-dev")
    assert mine == "europe-west3-docker.pkg.dev/my-project-dev/nebula-gcp-dev"
    elsewhere = {"kubernetes": {"images": {"mirror": "registry.example/nebula"}}}
    assert settings("gcp-dev", elsewhere).mirror("gcp-dev") == "registry.example/nebula"
