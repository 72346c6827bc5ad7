"""The mock says only what the provider documents."""

import pytest

from tests.providers.aws.mocked import AUTO_NAMED, COMPUTED
from tests.providers.sdk import properties


@pytest.mark.parametrize("token", sorted(COMPUTED))
def test_every_output_is_one_that_the_provider_documents(token: str) -> None:
    assert set(COMPUTED[token]("name")) <= properties(token)


@pytest.mark.parametrize("token", sorted(AUTO_NAMED))
def test_every_made_up_name_is_one_that_the_provider_documents(token: str) -> None:
    assert AUTO_NAMED[token] in properties(token)
