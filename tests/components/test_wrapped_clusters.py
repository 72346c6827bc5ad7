"""Clusters that wrap another: a parked one runs nothing, a gated one waits for a check."""

import pulumi

from components.external import GatedCluster
from components.parked import ParkedCluster
from components.redis import Redis, RedisArgs
from tests.components.recorded import RecordingCluster, foundation, recorded


class _Check(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("nebula:tests:Check", "check")


def test_a_parked_workload_keeps_its_volume_and_does_not_run() -> None:
    def program(cluster: RecordingCluster) -> None:
        Redis("redis", RedisArgs(foundation=foundation(ParkedCluster(cluster))))

    redis = recorded(program).workload("redis")
    assert redis.parked
    assert redis.volume


def test_a_gated_workload_starts_after_the_check_and_reaches_nothing_more() -> None:
    checks: list[_Check] = []

    def program(cluster: RecordingCluster) -> None:
        checks.append(_Check())
        Redis("redis", RedisArgs(foundation=foundation(GatedCluster(cluster, checks[0]))))

    (link,) = recorded(program).programs["redis"].links
    assert link.target.depends_on == (checks[0],)
    assert (link.ports, link.target.workloads, link.target.external) == ((), (), ())


def test_wrappers_keep_the_security_group_of_the_nodes() -> None:
    found: list[pulumi.Input[str]] = []

    def program(cluster: RecordingCluster) -> None:
        found.append(GatedCluster(ParkedCluster(cluster), _Check()).security_group)

    recorded(program)
    assert found == ["sg-nodes"]
