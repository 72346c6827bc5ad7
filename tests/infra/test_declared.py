"""What is folded from the components' declarations agrees with them, and with what a user reads."""

import json

import pytest
from pydantic import ValidationError

from components.software import TABLE
from infra import declared
from infra.external_settings import External
from infra.lakehouse import DECLARATIONS, ROWS
from infra.settings import Settings, json_schema
from providers.limits import LIMITS

_NAMES = [each.name for each in DECLARATIONS]


def test_each_component_comes_after_those_that_it_needs() -> None:
    for position, each in enumerate(DECLARATIONS):
        assert set(each.needs) <= set(_NAMES[:position]), each.name


def test_names_buckets_and_ports_are_declared_once() -> None:
    workloads = [name for each in DECLARATIONS for name in each.workloads]
    numbers = list(declared.LOCAL_PORTS.ports.values())
    for values in (_NAMES, workloads, declared.BUCKETS, numbers):
        assert len(set(values)) == len(values)


def test_a_component_reaches_only_buckets_that_are_declared_by_it_or_before_it() -> None:
    for position, each in enumerate(DECLARATIONS):
        known = {bucket for earlier in DECLARATIONS[: position + 1] for bucket in earlier.buckets}
        assert {*each.writes, *each.reads} <= known, each.name


def test_every_size_has_every_workload() -> None:
    assert all(set(sizes) == set(declared.WORKLOADS) for sizes in declared.SIZES.values())


def test_what_runs_is_in_the_software_table() -> None:
    needed = {software.name for each in DECLARATIONS for software in (*each.software, *each.tasks)}
    assert needed <= set(TABLE)


def test_what_a_setting_switches_is_a_setting() -> None:
    assert {each.only_with for each in DECLARATIONS if each.only_with} <= set(Settings.model_fields)


def test_external_servers_have_settings() -> None:
    assert set(declared.EXTERNAL_KEYS.values()) == set(External.model_fields)


def test_every_row_has_a_switch_and_the_demo_has_none() -> None:
    switches = json_schema()["$defs"]["Components"]["properties"]
    assert list(switches) == [row.declaration.name for row in ROWS]


@pytest.mark.parametrize("cloud", sorted(LIMITS))
def test_a_cloud_refuses_to_be_without_its_own_section_alone(cloud: str) -> None:
    document = json.dumps({"cloud": cloud})
    if LIMITS[cloud].required:
        with pytest.raises(ValidationError, match=f"cloud {cloud} needs {cloud}"):
            Settings.model_validate_json(document)
    else:
        assert Settings.model_validate_json(document).cloud == cloud


def test_clouds_have_limits() -> None:
    stack_file = json_schema()["properties"]["config"]["properties"]["nebula:platform"]
    assert set(LIMITS) == set(stack_file["properties"]["cloud"]["enum"])
