"""How modules of tests are spread over processes (`pytest -n`): whole, and the longest first."""

import os
from pathlib import PurePath

import pytest
from xdist.scheduler import LoadFileScheduling

FULL_STACK = (
    "test_platform",
    "test_keycloak",
    "test_lakehouse",
    "test_flights",
    "test_flights_months",
    "test_changes",
    "test_secrets",
    "test_down",
)
"""Modules of tests/e2e that share the full stack, in the order in which they use it up."""
_WHOLE_PROGRAMS = (
    "tests/infra/costs/test_sizes.py",
    "tests/infra/test_aws_stack.py",
    "tests/infra/test_exposure.py",
    "tests/infra/test_external.py",
    "tests/infra/test_gcp_stack.py",
    "tests/infra/test_kubernetes_stack.py",
    "tests/infra/test_parked.py",
    "tests/infra/test_local_stack.py",
    "tests/infra/test_projections.py",
    "tests/providers/gcp/test_cluster.py",
    "tests/providers/gcp/test_network.py",
    "tests/providers/gcp/test_object_store.py",
    "tests/providers/gcp/test_postgres.py",
    "tests/providers/gcp/test_secret_store.py",
    "tests/providers/kubernetes/test_manifests.py",
    "tests/providers/test_contract.py",
)
"""Modules that look at whole programs against mocks. One process imports the clouds' SDKs for them and runs
each program once (tests/infra/rendered.py): 58 processor seconds, and 145 with a process for each module."""
_KILLING = (
    "tests/e2e/test_survival_servers.py",
    "tests/e2e/test_survival_engine.py",
    "tests/e2e/test_survival_down.py",
    "tests/e2e/test_footprint.py",
)
"""Modules that kill servers, and modules that take footprints: they would wait for one another
(tests/e2e/footprint.py)."""
NAMED = (
    *(f"tests/e2e/{name}.py" for name in FULL_STACK),
    "tests/infra/engine/test_engine_runs.py",
    "tests/infra/previews/test_stacks.py",
    *_WHOLE_PROGRAMS,
    "tests/providers/local/plugin/test_process.py",
    *_KILLING,
    "tests/apps/provisioner/test_keycloak.py",
    "tests/apps/projections/test_service.py",
    "tests/e2e/test_survival_ports.py",
    "tests/policy/test_engine.py",
    "tests/providers/aws/test_sweep.py",
    "tests/apps/pipelines/flights/test_tables.py",
    "tests/apps/projections/test_resharding.py",
    "tests/apps/projections/test_changed_stream.py",
    "tests/providers/local/artifacts/test_intercepting_proxy.py",
    "tests/infra/engine/test_power.py",
    "tests/apps/provisioner/test_check.py",
    "tests/e2e/test_parked.py",
    "tests/infra/previews/test_report.py",
    "tests/providers/local/artifacts/test_install.py",
    "tests/bench/test_programs.py",
    "tests/e2e/test_survival_versions.py",
)
"""Modules that take twenty seconds and more: one that began last would be waited for by idle processors."""
_RANKS = {module: rank for rank, module in enumerate(NAMED)}


def processes() -> int:
    """How many processes `-n logical` means: three for two processors, since tests of servers wait."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def rank(module: PurePath) -> int:
    """Where a module stands in the order; `module` is relative to the repository."""
    return _RANKS.get(module.as_posix(), len(_RANKS))


class WholeModules(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives a module to one process, and modules that share something to one process too."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by number of tests, which says little of their time

    def _split_scope(self, nodeid: str) -> str:
        module = PurePath(super()._split_scope(nodeid))
        if module.parent == PurePath("tests/e2e") and module.stem in FULL_STACK:
            return "the full stack"
        if module.as_posix() in _WHOLE_PROGRAMS:
            return "whole programs"
        if module.as_posix() in _KILLING:
            return "killing servers"
        return module.as_posix()
