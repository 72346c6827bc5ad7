"""A link opens the ports that it names, and is refused when it names none that are there."""

from dataclasses import replace

import pytest

from components.base import Endpoint, Link
from tests.infra.kubernetes_stack import objects
from tests.providers.kubernetes.test_cloud_hooks import _run, _workload


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ((), "links to no port of my_server"),
        (("admin",), "links to the ports admin of my_server, which has client"),
    ],
)
def test_a_link_to_no_port_of_its_target_is_refused(ports: tuple[str, ...], message: str) -> None:
    server = _workload([])
    link = Link(Endpoint(component="server", workloads=("my_server",)), ports)
    client = replace(_workload([link]), name="my_client")
    with pytest.raises(ValueError, match=message):
        _run(server, client)


def test_a_link_to_a_server_that_is_no_workload_opens_nothing_here() -> None:
    registered = _run(_workload([Link(Endpoint(component="postgres"), ("sql",))]))
    assert not [name for name in objects(registered) if name.startswith("NetworkPolicy/my-server-to")]
