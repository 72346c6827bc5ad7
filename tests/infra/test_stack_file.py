"""The stack file is read as the engine reads it, and what no stack file has is refused with its line."""

from pathlib import Path

import pytest

from infra.stack_file import KEY, SettingsError, StackFile, StackFileError, check_name

_ALIASES = "\n".join(f"    a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))


def _read(tmp_path: Path, text: str | bytes) -> StackFile:
    path = tmp_path / "stacks" / "Pulumi.mine.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return StackFile(path)


def _platform(tmp_path: Path, lines: str) -> object:
    return _read(tmp_path, f"config:\n  {KEY}:\n{lines}").platform()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("True", True),
        ("~", None),
        ("", None),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31 00:00:00 +0000 UTC", "2026-01-31 00:00:00 +0000 UTC"),
        ("1:30", "1:30"),
        ("012", 10),
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("=", "="),
        ("!!str 5", "5"),
        ('"86400000"', "86400000"),
    ],
)
def test_words_are_what_the_engine_takes_them_for(tmp_path: Path, written: str, value: object) -> None:
    assert _platform(tmp_path, f"    a: {written}\n") == {"a": value}


def test_aliases_and_merged_keys_are_read(tmp_path: Path) -> None:
    lines = "    a: &a {b: 1}\n    c:\n      <<: *a\n      d: 2\n    e: *a\n"
    assert _platform(tmp_path, lines) == {"a": {"b": 1}, "c": {"b": 1, "d": 2}, "e": {"b": 1}}


def test_what_is_nested_too_deeply_to_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_deep(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("yaml.compose", too_deep)
    with pytest.raises(StackFileError, match="is nested too deeply"):
        _read(tmp_path, "config: [[[1]]]\n")


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    assert _read(tmp_path, b"\xef\xbb\xbfconfig:\n  nebula:platform: {a: 1}\n").platform() == {"a": 1}


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ("a: .nan", 3, "is no value of a stack file"),
        ("a: -.inf", 3, "is no value of a stack file"),
        ("b: 1\n    a: 1e999", 4, "is no value of a stack file"),
        ("a: !!float x", 3, "is no float"),
        ("a: !!int x", 3, "is no int"),
        ("a: !!bool x", 3, "is no bool"),
        (f"a: {'9' * 5000}", 3, "too long a number"),
        ("a: !!binary aGVsbG8=", 3, "!!binary is no value of a stack file"),
        ("a: !!set {b}", 3, "!!set is no value of a stack file"),
        ("a: !!python/name:os.getcwd", 3, "is no value of a stack file"),
        ("a: !mine x", 3, "what ! begins is no value of a stack file"),
        ("a: 1\n    b: 2\n    a: 3", 5, "a is here twice, first in line 3"),
        ("? [a, b]\n    : x", 3, "a list or mapping is no key"),
        ("\ta: 1", 3, "cannot start any token"),
        ("a: *nowhere", 3, "undefined alias"),
        ("a: &a [*a]", 3, "contains itself"),
        (f"a0: &a0 [1, 2]\n{_ALIASES}", 18, "comes to too much with its aliases"),
        ("a: [1\n    b: 2", 4, "expected ',' or ']'"),
        ("a: {}\n---\nconfig: {}", 4, "another document"),
        ('b: 1\n    a: "x\\ud83d"', 4, "half a surrogate pair is no text"),
        ("a: {b: 1, b: 2}", 3, "a key is here twice, first in line 3"),
    ],
)
def test_what_no_stack_file_has_is_refused_with_its_line(
    tmp_path: Path, lines: str, line: int, said: str
) -> None:
    with pytest.raises(StackFileError) as caught:
        _platform(tmp_path, f"    {lines}\n")
    assert f"stacks/Pulumi.mine.yaml, line {line}: " in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"config:\n  a: \xff\n", "line 2: is not UTF-8"),
        ("[1, 2]\n", "line 1: the file must be a mapping"),
        ("just words\n", "line 1: the file must be a mapping"),
        ("a: 1\nconfig: [1]\n", "line 2: config must be a mapping"),
        ("config: x\n", "line 1: config must be a mapping"),
        ("config: \x00\n", "special characters are not allowed"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(StackFileError) as caught:
        _read(tmp_path, text)
    assert str(caught.value).startswith("stacks/Pulumi.mine.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "word",
    [
        "!given-secret",
        "!!given-secret x",
        "*given-secret",
        "'given-secret",
        "{given-secret: [",
        "{given-secret, given-secret}",
        "given-secret: x",
    ],
)
def test_a_message_of_a_file_that_is_no_yaml_quotes_none_of_it(tmp_path: Path, word: str) -> None:
    with pytest.raises(StackFileError, match=r"line [345]: ") as caught:
        _platform(tmp_path, f"    cloud: local\n    password: {word}\n")
    assert "given-secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "config:\n", "# only a comment\n", "encryptionsalt: v1:a:b\n"])
def test_a_file_that_says_nothing_can_be_read_and_has_no_platform(tmp_path: Path, text: str) -> None:
    file = _read(tmp_path, text)
    with pytest.raises(StackFileError, match=f"has no {KEY}: start from stacks/"):
        file.platform()


def test_an_absent_file_has_no_lines(tmp_path: Path) -> None:
    assert (
        StackFile(tmp_path / "stacks" / "Pulumi.x.yaml").where(("ttl",)) == f"stacks/Pulumi.x.yaml: {KEY}.ttl"
    )


@pytest.mark.parametrize("name", ["local", "aws-dev", "My_stack", "2"])
def test_a_stack_has_a_name_of_letters_digits_and_dashes(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["lab.template", "a.b", "a/b", "..", "", "-a", "a b", "ü", "a" * 64, "local\n"]
)
def test_what_would_be_another_file_is_no_name_of_a_stack(name: str) -> None:
    with pytest.raises(SettingsError, match=r"no (name of a )?stack"):
        check_name(name)
