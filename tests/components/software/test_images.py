"""Every image can be re-hosted below one prefix."""

import pytest

from components.software import TABLE
from components.software.images import reference
from components.software.model import Image


@pytest.mark.parametrize(
    ("own", "mirrored"),
    [
        ("quay.io/keycloak/keycloak:26", "mirror.example:5000/bank/keycloak/keycloak:26"),
        ("localhost/app:1", "mirror.example:5000/bank/app:1"),
        ("host:5000/app:1", "mirror.example:5000/bank/app:1"),
        ("trinodb/trino:476", "mirror.example:5000/bank/trinodb/trino:476"),
        ("postgres:18", "mirror.example:5000/bank/postgres:18"),
    ],
)
def test_a_mirror_takes_the_place_of_the_registry(own: str, mirrored: str) -> None:
    image = Image(own, user=1, home="/")
    assert reference(image, "mirror.example:5000/bank") == mirrored
    assert reference(image, None) == own


def test_no_two_images_share_a_name_below_a_mirror() -> None:
    names = [reference(software.image, "mirror.example") for software in TABLE.values()]
    assert len(set(names)) == len(names)
