"""Labels, by the rules of https://cloud.google.com/compute/docs/labeling-resources#requirements."""

import re
from datetime import date

import pytest

from providers.gcp.labels import Labels


def test_a_resource_says_whose_it_is_and_until_when() -> None:
    labels = Labels(stack="gcp-dev", owner="data", cost_centre="cc-7", ttl=date(2027, 1, 31))
    assert labels.of("postgres") == {
        "project": "nebula",
        "stack": "gcp-dev",
        "component": "postgres",
        "owner": "data",
        "cost-centre": "cc-7",
        "ttl": "2027-01-31",
    }


def test_what_is_not_known_is_not_said() -> None:
    assert set(Labels(stack="dev").of("network")) == {"project", "stack", "component"}


@pytest.mark.parametrize("owner", ["Data.Team@bank.example", "x" * 64, "Übersee", "a b"])
def test_every_value_is_one_that_google_admits(owner: str) -> None:
    labels = Labels(stack="Prod_1", owner=owner).of("object_store")
    for key, value in labels.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{1,63}", value)
