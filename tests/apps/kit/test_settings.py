from pathlib import Path

import pytest
from pydantic import SecretStr, TypeAdapter

from apps.kit.settings import Spec, SpecError, load, secrets_of


class Login(Spec):
    user: str
    password: SecretStr


class Settings(Spec):
    logins: tuple[Login, ...] = ()
    by_name: dict[str, Login] = {}  # noqa: RUF012  (the model is frozen)


def write(directory: Path, text: str) -> Path:
    path = directory / "spec.json"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"logins": [{"user": "a", "password": "secret", "pasword": "secret"}]}',
            "logins[0].pasword: unknown key",
        ),
        ('{"by_name": {"a": {"password": "secret"}}}', "by_name.a.user: required"),
        ('{"logins": [{"user": 7, "password": "secret"}]}', "logins[0].user: "),
        ('{"password": "secret", ', "is not JSON"),
    ],
)
def test_a_wrong_spec_names_its_key_and_shows_no_value(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        load(write(tmp_path, text), TypeAdapter(Settings))
    assert problem in str(error.value)
    assert "secret" not in str(error.value).replace(str(tmp_path), "")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"logins\[0\].user: required; logins\[0\].password: required"):
        load(write(tmp_path, '{"logins": [{}]}'), TypeAdapter(Settings))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot read the spec .*missing.json"):
        load(tmp_path / "missing.json", TypeAdapter(Settings))


def test_secrets_are_found_however_deep() -> None:
    one, two = (Login(user=name, password=SecretStr(f"secret-{name}")) for name in "ab")
    assert sorted(secrets_of(Settings(logins=(one,), by_name={"b": two}))) == ["secret-a", "secret-b"]
