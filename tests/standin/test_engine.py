"""The real engine works with the stand-ins, with programs that use the real SDKs."""

import re

import pytest
from pulumi.automation import CommandError, PreviewResult, UpResult

from tests.standin.cluster import Cluster, Reference
from tests.standin.conftest import Stack, manifest

pytestmark = pytest.mark.e2e


def changes(result: UpResult | PreviewResult) -> set[str]:
    """Return the operations on resources of a result."""
    if isinstance(result, PreviewResult):
        return {str(operation) for operation in result.change_summary}
    return set(result.summary.resource_changes or {})


def test_outputs_are_the_live_object_and_nothing_changes_by_itself(
    stack: Stack, cluster: Cluster, namespace: str
) -> None:
    made = stack.up("settings", namespace=namespace, value="1")

    name = made.outputs["name"].value
    assert re.fullmatch("settings-[0-9a-f]{8}", name)
    live = cluster.get(Reference("v1", "ConfigMap", namespace, name))
    assert live is not None
    assert live["metadata"]["uid"] == made.outputs["uid"].value
    assert stack.resources()["settings"]["id"] == f"{namespace}/{name}"
    assert changes(stack.preview("settings", namespace=namespace, value="1")) == {"same"}
    assert changes(stack.up("settings", namespace=namespace, value="1")) == {"same"}


def test_somebody_elses_edit_is_seen_by_refresh_and_not_overwritten_unasked(
    stack: Stack, cluster: Cluster, namespace: str
) -> None:
    stack.up("settings", namespace=namespace, value="1", name="settings")
    edited = manifest("v1", "ConfigMap", "settings", namespace, data={"a": "theirs"})
    cluster.apply(edited, "somebody", force=True, dry_run=False)

    with pytest.raises(CommandError, match='conflict with "somebody"'):
        stack.preview("settings", namespace=namespace, value="2", name="settings")
    stack.refresh()
    with pytest.raises(CommandError, match='conflict with "somebody"'):
        stack.up("settings", namespace=namespace, value="1", name="settings")

    stack.variables["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    forced = stack.up("settings", namespace=namespace, value="1", name="settings")
    assert changes(forced) == {"same", "update"}


def test_lost_object_is_seen_by_refresh_and_made_again(
    stack: Stack, cluster: Cluster, namespace: str
) -> None:
    stack.up("settings", namespace=namespace, value="1", name="settings")
    cluster.delete(Reference("v1", "ConfigMap", namespace, "settings"), "Background")

    stack.refresh()

    again = stack.up("settings", namespace=namespace, value="1", name="settings")
    assert changes(again) == {"same", "create"}


def test_immutable_field_replaces_the_object(stack: Stack, namespace: str) -> None:
    stack.up("workload", namespace=namespace, serving="blue")
    before = stack.resources()["app"]["outputs"]["metadata"]["uid"]

    preview = stack.preview("workload", namespace=namespace, serving="green")
    assert changes(preview) == {"same", "replace"}
    assert re.search(r'serving: "blue" => "green"', preview.stdout)
    stack.up("workload", namespace=namespace, serving="green")

    after = stack.resources()["app"]["outputs"]
    assert after["spec"]["selector"]["matchLabels"] == {"serving": "green"}
    assert after["metadata"]["uid"] != before


def test_unready_object_stays_in_the_state_and_is_waited_for_again(stack: Stack, namespace: str) -> None:
    with pytest.raises(CommandError, match="is not ready after 1 s: 0 of 1 replicas available"):
        stack.up("workload", namespace=namespace, serving="app", wait=1)
    stack.refresh()
    assert stack.resources()["app"]["initErrors"]

    with pytest.raises(CommandError, match="is not ready after 2 s"):
        stack.up("workload", namespace=namespace, serving="app", wait=2)

    assert changes(stack.up("workload", namespace=namespace, serving="app")) == {"same", "update"}
    assert "initErrors" not in stack.resources()["app"]


def test_secrets_are_secret_in_the_state_and_passwords_last(stack: Stack, namespace: str) -> None:
    made = stack.up("credentials", namespace=namespace)
    again = stack.up("credentials", namespace=namespace)

    password, data = (made.outputs[name] for name in ("password", "data"))
    assert password.secret
    assert data.secret
    assert re.fullmatch("[A-Za-z0-9]{24}", password.value)
    assert again.outputs["password"].value == password.value
    state = b"".join(path.read_bytes() for path in stack.state.rglob("*.json"))
    assert b"credentials" in state
    assert password.value.encode() not in state
    assert data.value["password"].encode() not in state
