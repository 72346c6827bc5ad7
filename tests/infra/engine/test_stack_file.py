"""Stack files: `local` from its template, others refused unless they exist."""

import pytest

from infra.engine import stack_file
from infra.engine.checkout import Checkout
from infra.engine.errors import MalformedStackFileError, StaleSaltError, UnknownStackError
from infra.engine.session import directory_of


def test_local_is_made_from_the_template_once(checkout: Checkout) -> None:
    stack_file.ensure(checkout, "local")
    path = checkout.stack_file("local")
    assert path.read_text() == (checkout.stacks / "Pulumi.local.template.yaml").read_text()
    path.write_text("config: {}\n")
    stack_file.ensure(checkout, "local")
    assert path.read_text() == "config: {}\n"


def test_unknown_stack_names_those_that_exist(checkout: Checkout) -> None:
    checkout.stack_file("production").write_text("config: {}\n")
    with pytest.raises(UnknownStackError, match=r"'prod'.*local, production") as raised:
        stack_file.ensure(checkout, "prod")
    assert "STACK=" in str(raised.value)
    assert not checkout.stack_file("prod").exists()


def test_template_is_no_stack(checkout: Checkout) -> None:
    assert stack_file.known_stacks(checkout) == ["local"]
    with pytest.raises(UnknownStackError):
        stack_file.ensure(checkout, "local.template/../local")


def test_salt_of_a_lost_passphrase_is_dropped_and_nothing_else(checkout: Checkout) -> None:
    stack_file.ensure(checkout, "local")
    path = checkout.stack_file("local")
    text = path.read_text()
    path.write_text(f"encryptionsalt: v1:abc:v1:def\n{text}")
    stack_file.drop_stale_salt(checkout, "local")
    assert path.read_text() == text


def test_secrets_of_a_lost_passphrase_are_not_dropped(checkout: Checkout) -> None:
    path = checkout.stack_file("local")
    text = "encryptionsalt: v1:abc:v1:def\nconfig:\n  nebula:word:\n    secure: v1:xyz\n"
    path.write_text(text)
    with pytest.raises(StaleSaltError, match="encryptionsalt"):
        stack_file.drop_stale_salt(checkout, "local")
    assert path.read_text() == text


def test_stack_file_that_is_no_yaml_names_the_line(checkout: Checkout) -> None:
    checkout.stack_file("local").write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(MalformedStackFileError, match="line 3"):
        stack_file.platform(checkout, "local")


@pytest.mark.parametrize("text", ["", "config:\n", "config: []\n", "config:\n  nebula:platform: 3\n"])
def test_malformed_config_is_left_to_the_program_to_refuse(checkout: Checkout, text: str) -> None:
    checkout.stack_file("local").write_text(text)
    assert stack_file.platform(checkout, "local") == {}


def test_directory_of_a_stack_can_be_configured(checkout: Checkout) -> None:
    stack_file.ensure(checkout, "local")
    assert directory_of(checkout, "local") == checkout.root / "stack"
