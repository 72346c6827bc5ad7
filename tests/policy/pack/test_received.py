"""What the engine hands over: its marks of secrets, unknowns and assets, and its providers' inputs."""

import json
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import proxy

from policy.pack.model import UNKNOWN, Resource
from policy.pack.received import provider_inputs, resource_of

_MARK = "4dabf18193072939515e22adb298388d"
_SECRET = {_MARK: "1b47061264138c4ac30d75fd1eb44270"}
_TEXT = {_MARK: "c44067f5952c0a294b673a41bacd8c17", "text": "hello"}


def _received(**properties: Any) -> Resource:
    content = struct_pb2.Struct()
    content.update(properties)
    request = analyzer_pb2.AnalyzeRequest(type="aws:s3/bucket:Bucket", name="a", urn="b", properties=content)
    request.options.protect = True
    return resource_of(request)


def test_a_secret_is_its_value_and_known_as_one_with_all_below_it() -> None:
    found = _received(a={"b": [1, {**_SECRET, "value": {"c": "word"}}]}, d="plain")

    assert found.properties == {"a": {"b": [1, {"c": "word"}]}, "d": "plain"}
    assert found.is_secret(("a", "b", 1))
    assert found.is_secret(("a", "b", 1, "c"))
    assert not found.is_secret(("a", "b"))
    assert not found.is_secret(("d",))


def test_a_secret_that_is_not_known_is_both() -> None:
    found = _received(a={**_SECRET, "value": proxy.UNKNOWN_STRING_VALUE})

    assert found.properties == {"a": UNKNOWN}
    assert found.is_secret(("a",))


def test_what_is_not_known_hides_nothing_beside_it() -> None:
    found = _received(a=proxy.UNKNOWN_OBJECT_VALUE, b=[proxy.UNKNOWN_NUMBER_VALUE, "c"])
    assert found.properties == {"a": UNKNOWN, "b": [UNKNOWN, "c"]}


def test_assets_are_their_text_or_place_and_what_has_another_mark_is_not_known() -> None:
    found = _received(code=_TEXT, other={_MARK: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "c"})
    assert found.properties == {"code": {"text": "hello"}, "other": UNKNOWN}


def test_whole_numbers_are_integers_and_others_are_as_they_are() -> None:
    assert _received(a=3, b=1.5, c=True).properties == {"a": 3, "b": 1.5, "c": True}


def test_a_provider_has_its_parts_as_json_in_a_string() -> None:
    tags = json.dumps({"tags": {"owner": {**_SECRET, "value": "data"}}})

    found = provider_inputs({"region": "eu-west-1", "defaultTags": tags, "skip": "{not json"})
    assert found == {"region": "eu-west-1", "defaultTags": {"tags": {"owner": "data"}}, "skip": "{not json"}


def test_options_come_with_the_resource() -> None:
    assert _received().protect


def test_what_no_provider_makes_is_a_component() -> None:
    request = analyzer_pb2.AnalyzeRequest(type="acme:index:Lake", name="a", urn="b")
    assert resource_of(request).is_component
    request.provider.type = "pulumi:providers:acme"
    assert not resource_of(request).is_component
