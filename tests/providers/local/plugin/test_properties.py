"""Properties are the same after a conversion to the engine's structs and back."""

from providers.local.plugin.properties import (
    UNKNOWN,
    Properties,
    differences,
    from_struct,
    has_unknown,
    to_struct,
)


def test_values_survive_the_wire_and_ints_stay_ints() -> None:
    properties: Properties = {
        "port": 8080,
        "share": 0.5,
        "on": True,
        "none": None,
        "list": [1, "a", {"b": []}],
        "map": {},
    }
    back = from_struct(to_struct(properties))
    assert back == properties
    assert type(back["port"]) is int


def test_an_unknown_is_found_at_any_depth() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_differences_name_the_path_and_what_became_of_it() -> None:
    old = {"env": {"A": "1", "B": "2"}, "files": {"a/b.conf": "x"}, "gone": 1, "same": [1]}
    new = {"env": {"A": "1", "B": "3", "C": "4"}, "files": {"a/b.conf": "y"}, "same": [1], "null": None}
    assert differences(old, new) == {
        "env.B": "update",
        "env.C": "add",
        'files["a/b.conf"]': "update",
        "gone": "delete",
    }


def test_ignored_properties_do_not_differ() -> None:
    assert differences({"a": 1}, {"a": 2}, ignore=["a"]) == {}
