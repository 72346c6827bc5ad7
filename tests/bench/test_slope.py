import pytest

from tests.bench.slope import AIM, slope


def test_linear_growth_has_a_ratio_of_one_whatever_the_start_costs() -> None:
    found = slope({10: 2.05, 100: 2.5, 1000: 7.0})
    assert found.value == pytest.approx(5.0)
    assert found.unit == "ms"
    assert found.ratio == pytest.approx(1.0)
    assert found.holds


def test_quadratic_growth_misses_the_aim() -> None:
    found = slope({count: 2 + count**2 / 1e5 for count in (10, 100, 1000)})
    assert found.ratio == pytest.approx(10.0)
    assert found.aim == AIM
    assert not found.holds
