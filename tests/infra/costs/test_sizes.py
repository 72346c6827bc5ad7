"""The figures of the documentation are the estimator's."""

from decimal import Decimal

import pytest

from tests.infra.costs.sizes import STACKS, documented, estimated, table


def test_the_documented_table_is_what_the_estimator_gives() -> None:
    """Renew with `make snapshot`, and read what changed."""
    assert documented() == table()


@pytest.mark.parametrize("stack", STACKS)
def test_a_parked_stack_has_no_nodes_to_pay(stack: str) -> None:
    on, parked = (estimated(STACKS[stack](stack, {"power": power})) for power in ("on", "parked"))
    machines = [line for line in on.lines if line.price.item.startswith(("ec2/", "machine/"))]
    assert machines
    assert not [line for line in parked.lines if line.price.item.startswith(("ec2/", "machine/"))]
    assert Decimal(0) < parked.total < on.total


@pytest.mark.parametrize("stack", STACKS)
def test_every_type_that_the_program_makes_is_known_to_be_billed_or_free(stack: str) -> None:
    found = estimated(STACKS[stack](stack, {}))
    assert [each.resource.type for each in found.unpriced if "not known" in each.why] == []
