"""The parts of the report, on events as the engine logs them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from infra.previews.capacity import Capacity, capacity, quantity
from infra.previews.difference import Change, differences
from infra.previews.document import LIMIT, Report, document
from infra.previews.preview import Preview

URN = "urn:pulumi:dev::nebula::{type}::{name}"


def _event(kind: str, name: str, **inputs: Any) -> str:
    urn = URN.format(type=kind, name=name)
    new = {"type": kind, "urn": urn, "parent": "", "inputs": inputs}
    return json.dumps(
        {"resourcePreEvent": {"metadata": {"op": "create", "urn": urn, "type": kind, "new": new}}}
    )


def _violation(rule: str, level: str, message: str) -> str:
    event = {"policyName": rule, "enforcementLevel": level, "message": f"Description.\n{message}"}
    return json.dumps({"policyEvent": event})


def _preview(*log: str, code: int = 0, output: str = "") -> Preview:
    return Preview("dev", code, log, output)


def _bucket(name: str, **inputs: Any) -> str:
    return _event("aws:s3/bucket:Bucket", name, **inputs)


def test_differences_are_by_urn_and_property() -> None:
    base = _preview(_bucket("a", tags={"owner": "x"}), _bucket("b"), _bucket("c", rules=[1, 2]))
    head = _preview(_bucket("a", tags={"owner": "y"}), _bucket("c", rules=[1, 3]), _bucket("d"))

    token = "aws:s3/bucket:Bucket"
    assert differences(base.resources, head.resources) == [
        Change("changed", token, "a", ("tags.owner",)),
        Change("removed", token, "b"),
        Change("changed", token, "c", ("rules[1]",)),
        Change("added", token, "d"),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [("100m", "0.1"), ("2", "2"), ("1.5", "1.5"), ("768Mi", 768 * 2**20), ("1G", 10**9)],
)
def test_quantities_are_those_of_kubernetes(text: str, number: str | int) -> None:
    assert quantity(text) == Decimal(number)


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="768MB"):
        quantity("768MB")


def test_capacity_counts_every_replica_and_no_job() -> None:
    requests = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    spec = {"replicas": 3, "template": {"spec": {"containers": [requests], "initContainers": [requests]}}}
    found = _preview(
        _event("kubernetes:apps/v1:StatefulSet", "kafka", spec=spec),
        _event("kubernetes:batch/v1:Job", "topics", spec=spec),
        _event("nebula-local:index:Process", "trino", memory=2048),
    )
    assert capacity(found.resources.values()) == Capacity(Decimal("1.5"), Decimal(5 * 2**30))


def test_violations_are_counted_by_rule_with_an_example() -> None:
    found = _preview(
        _violation("required-tags", "advisory", "Bucket b has no owner"),
        _violation("required-tags", "advisory", "Bucket a has no owner"),
        _violation("no-public-bucket", "mandatory", "Bucket a | is public, says @somebody"),
        code=255,
    )
    text = document([Report(found, None)], "main")

    assert "❌ 1 violated" in text
    assert "| `required-tags` | advisory | 2 | Bucket a has no owner |" in text
    assert text.index("`no-public-bucket`") < text.index("`required-tags`")
    assert "Bucket a \\| is public" in text
    assert "@somebody" not in text


def test_violations_are_compared_with_the_base() -> None:
    tags = ("required-tags", "advisory", "Bucket a has no owner")
    base = _preview(
        _violation(*tags), _violation("no-public-bucket", "mandatory", "Bucket a is public"), code=255
    )
    text = document([Report(_preview(_violation(*tags), _violation(*tags)), base)], "main")

    assert "✅ 0 violated (-1), 2 advised (+1)" in text
    assert "| `required-tags` | advisory | 2 (+1) | Bucket a has no owner |" in text


def test_a_stack_that_only_the_base_has_is_said_to_be_removed() -> None:
    text = document([Report(_preview(_bucket("a")), _preview(_bucket("a")))], "main", ["old"])

    assert "| **old** | removed |" in text


def test_cost_is_compared_by_component() -> None:
    provider = _event("pulumi:providers:aws", "aws", region="eu-central-1")
    volume = "aws:ebs/volume:Volume"
    base = _preview(provider, _event(volume, "data", size=100, type="gp3"))
    head = _preview(provider, _event(volume, "data", size=200, type="gp3"))
    (now, before), text = Report(head, base).cost, document([Report(head, base)], "main")

    assert before is not None
    if now.unpriced:
        assert "Without a known price, not counted" in text
    else:
        assert now.total == 2 * before.total > 0
        assert f"{now.total:,.2f} USD (+{before.total:,.2f})" in text


def test_base_that_failed_is_not_compared_with() -> None:
    head = _preview(_bucket("a"))
    report = Report(head, _preview(code=1, output="boom"))

    text = document([report], "main")
    assert "no preview of the base" in text
    assert "The base could not be previewed, and is not compared with:\n\n```\nboom\n```" in text
    assert report.cost[1] is None


def test_report_fits_into_a_comment() -> None:
    changes = [_bucket(f"{'long-name' * 12}-{number}") for number in range(60)]
    many = [Report(Preview(f"stack-{number}", 0, tuple(changes), ""), _preview()) for number in range(20)]
    text = document(many, "main")

    assert LIMIT > 50_000
    assert len(text) < 65_536
    assert "its details do not fit into a comment" in text


def test_error_in_a_report_cannot_end_its_block() -> None:
    failed = _preview(code=1, output="```\n# not a heading")
    text = document([Report(failed, None)], "main")

    assert "'''\n# not a heading" in text
