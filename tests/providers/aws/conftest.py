"""One moto server for the tests of this folder, emptied for each."""

from collections.abc import Iterator

import pytest

from tests.moto_server import ELSEWHERE, empty, login, moto_server
from tests.providers.aws.account import Account


@pytest.fixture(scope="package")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def account(server: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An empty account."""
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    for name, value in login(server).items():
        monkeypatch.setenv(name, value)
    empty(server)
    return Account(server)
