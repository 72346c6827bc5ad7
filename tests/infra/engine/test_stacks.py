"""Stack files: `local` from its template, others refused unless they exist."""

import pytest

from infra.engine import commands, stacks
from infra.engine.checkout import Checkout
from infra.engine.errors import (
    MalformedStackFileError,
    StackNameError,
    StaleSaltError,
    UnknownStackError,
)
from infra.engine.session import directory_of


def test_local_is_made_from_the_template_once(checkout: Checkout) -> None:
    stacks.ensure(checkout, "local")
    path = checkout.stack_file("local")
    assert path.read_text() == (checkout.stacks / "Pulumi.local.template.yaml").read_text()
    path.write_text("config: {}\n")
    stacks.ensure(checkout, "local")
    assert path.read_text() == "config: {}\n"


def test_unknown_stack_names_those_that_exist(checkout: Checkout) -> None:
    checkout.stack_file("production").write_text("config: {}\n")
    with pytest.raises(UnknownStackError, match=r"'prod'.*local, production") as raised:
        stacks.ensure(checkout, "prod")
    assert "STACK=" in str(raised.value)
    assert not checkout.stack_file("prod").exists()


@pytest.mark.parametrize(
    "name",
    [
        "local.template",
        "local.template/../local",
        "../local",
        "..",
        "",
        "-x",
        "a.b",
        "a" * 64,
        "a\nb",
        "local\n",
    ],
)
def test_what_is_no_name_of_a_stack_is_refused_and_touches_nothing(checkout: Checkout, name: str) -> None:
    assert stacks.known_stacks(checkout) == ["local"]
    before = {path.name: path.read_text() for path in checkout.stacks.iterdir()}
    with pytest.raises(StackNameError, match="The stacks are: local"):
        stacks.ensure(checkout, name)
    assert {path.name: path.read_text() for path in checkout.stacks.iterdir()} == before


def test_the_name_of_a_template_is_answered_with_that_of_its_stack(checkout: Checkout) -> None:
    with pytest.raises(StackNameError, match="say STACK=local"):
        stacks.ensure(checkout, "local.template")


def test_a_file_without_the_name_of_a_stack_is_not_passed_over(checkout: Checkout) -> None:
    (checkout.stacks / "Pulumi.v1.2.yaml").write_text("config: {}\n")
    assert list(stacks.misnamed(checkout)) == ["Pulumi.v1.2.yaml"]


def test_a_template_whose_file_cannot_be_made_is_an_error_that_names_it(checkout: Checkout) -> None:
    checkout.stack_file("local").with_suffix(".new").mkdir()
    with pytest.raises(MalformedStackFileError, match=r"Pulumi\.local\.yaml cannot be made"):
        stacks.ensure(checkout, "local")


def test_a_stack_without_a_file_is_what_its_template_says_and_gets_none(checkout: Checkout) -> None:
    template = stacks.find(checkout, "local")
    assert template.name == "Pulumi.local.template.yaml"
    assert stacks.platform(checkout, "local")["cloud"] == "local"
    assert list(checkout.stacks.iterdir()) == [template]


def test_a_file_encrypted_as_a_whole_is_refused(checkout: Checkout) -> None:
    checkout.stack_file("local").write_text("config:\n  nebula:platform:\n    secure: v1:abc:def\n")
    with pytest.raises(
        MalformedStackFileError, match="line 2: nebula:platform is encrypted as a whole"
    ) as raised:
        stacks.platform(checkout, "local")
    assert "abc" not in str(raised.value)


def test_salt_of_a_lost_passphrase_is_dropped_and_nothing_else(checkout: Checkout) -> None:
    stacks.ensure(checkout, "local")
    path = checkout.stack_file("local")
    text = path.read_text()
    path.write_text(f"encryptionsalt: v1:abc:v1:def\n{text}")
    stacks.drop_stale_salt(checkout, "local")
    assert path.read_text() == text


@pytest.mark.parametrize(
    "value", ["\n    secure: v1:xyz", "\n    - secure: v1:xyz", "{secure: v1:xyz}", '\n    "secure": v1:xyz']
)
def test_secrets_of_a_lost_passphrase_are_not_dropped(checkout: Checkout, value: str) -> None:
    path = checkout.stack_file("local")
    text = f"encryptionsalt: v1:abc:v1:def\nconfig:\n  nebula:word: {value}\n"
    path.write_text(text)
    with pytest.raises(StaleSaltError, match="encryptionsalt"):
        stacks.drop_stale_salt(checkout, "local")
    assert path.read_text() == text


def test_stack_file_that_is_no_yaml_names_the_line(checkout: Checkout) -> None:
    checkout.stack_file("local").write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(MalformedStackFileError, match="line 3"):
        stacks.platform(checkout, "local")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no nebula:platform"),
        ("config:\n", "has no nebula:platform"),
        ("config: []\n", "line 1: config must be a mapping"),
        ("config:\n  nebula:platform: 3\n", "line 2: nebula:platform must be a mapping"),
        ("config:\n  nebula:platform:\n", "line 2: nebula:platform must be a mapping"),
        ("config:\n  nebula:platform:\n    local: [1]\n", "line 3: nebula:platform.local: must be a mapping"),
    ],
)
def test_a_file_that_says_nothing_of_the_platform_is_refused(
    checkout: Checkout, text: str, said: str
) -> None:
    """What reads it as a local stack would look for servers, and remove them, where none of it may be."""
    checkout.stack_file("local").write_text(text)
    with pytest.raises(MalformedStackFileError, match=f"stacks/Pulumi.local.yaml.*{said}"):
        stacks.platform(checkout, "local")


def test_a_file_that_does_not_say_where_it_runs_is_refused(checkout: Checkout) -> None:
    checkout.stack_file("local").write_text("config:\n  nebula:platform:\n    demo: true\n")
    with pytest.raises(MalformedStackFileError, match="must say where the stack runs"):
        stacks.is_local(checkout, "local")


def test_directory_of_a_stack_can_be_configured(checkout: Checkout) -> None:
    stacks.ensure(checkout, "local")
    assert directory_of(checkout, "local") == checkout.root.parent / "stack"


NO_DIRECTORIES = [
    "/",
    "//",
    ".",
    "stack",
    "./stack",
    "~/stack",
    "$HOME/stack",
    "/a/../b",
    "/a/./b",
    "/a b",
    "/a:b",
    "/a\\n",
]


@pytest.mark.parametrize("directory", NO_DIRECTORIES)
def test_a_directory_that_no_stack_may_have_is_refused_with_its_line(
    checkout: Checkout, directory: str
) -> None:
    checkout.stack_file("local").write_text(
        f'config:\n  nebula:platform:\n    cloud: local\n    local:\n      directory: "{directory}"\n'
    )
    with pytest.raises(MalformedStackFileError, match=r"line 5: nebula:platform\.local\.directory: "):
        directory_of(checkout, "local")


@pytest.mark.parametrize("command", ["down", "status", "logs", "preview", "env"])
def test_every_command_refuses_a_file_that_is_wrong_before_anything_else(
    checkout: Checkout, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.stack_file("local").write_text("config:\n  nebula:platform:\n    demo: .nan\n")
    assert commands.main(command, "local", checkout) == 1
    assert "stacks/Pulumi.local.yaml, line 3: not a number" in capsys.readouterr().err
