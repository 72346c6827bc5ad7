"""A database that parking stops: by the real engine, a provider that stands in for AWS' as its source reads
(tests/infra/engine/rds), and a moto server that holds the database."""

import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.infra.engine.conftest import Project
from tests.moto_server import ELSEWHERE, login, moto_server

_IDENTIFIER = "nebula-local-postgres"
_PROGRAM = f"""
import pulumi

class Power(pulumi.CustomResource):
    def __init__(self, name, state):
        inputs = {{"identifier": "{_IDENTIFIER}", "state": state}}
        super().__init__("aws:rds/instanceDesiredState:InstanceDesiredState", name, inputs)

parked = pulumi.Config().require_object("platform").get("power") == "parked"
Power("postgres", "stopped" if parked else "available")
"""
_STACK = """\
config:
  nebula:platform:
    cloud: aws
    power: {power}
    aws:
      region: us-east-1
"""


class Account:
    """A stack in an account with one database."""

    def __init__(self, project: Project, url: str) -> None:
        self._project = project
        self._rds: Any = boto3.client("rds", region_name="us-east-1", endpoint_url=url)
        self._rds.create_db_instance(
            DBInstanceIdentifier=_IDENTIFIER,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
        )

    def up(self, power: str) -> str:
        """What `make up` prints with `power` in the stack file, whatever the engine wrote there."""
        path = self._project.checkout.stack_file("local")
        salt = [
            line
            for line in (path.read_text().splitlines() if path.exists() else ())
            if line.startswith("encryptionsalt")
        ]
        path.write_text("\n".join([*salt, _STACK.format(power=power)]))
        result = self._project.run("up")
        assert result.code == 0, result.output
        return result.output

    def start(self) -> None:
        """As AWS does by itself after seven days."""
        self._rds.start_db_instance(DBInstanceIdentifier=_IDENTIFIER)

    @property
    def status(self) -> str:
        (found,) = self._rds.describe_db_instances(DBInstanceIdentifier=_IDENTIFIER)["DBInstances"]
        return str(found["DBInstanceStatus"])


@pytest.fixture
def account(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    description = project.checkout.root / "Pulumi.yaml"
    plugin = os.path.join(os.path.dirname(__file__), "rds")
    description.write_text(description.read_text() + f'    - name: aws\n      path: "{plugin}"\n')
    project.program(_PROGRAM)
    with moto_server() as url:
        for name in ELSEWHERE:
            monkeypatch.delenv(name, raising=False)
            project.environment.pop(name, None)
        for name, value in login(url).items():
            monkeypatch.setenv(name, value)
        project.environment |= login(url)
        yield Account(project, url)


def test_a_database_stops_when_its_stack_is_parked_and_starts_when_it_is_on_again(account: Account) -> None:
    assert "Starting" not in account.up("on")
    assert account.status == "available"
    account.up("parked")
    assert account.status == "stopped"
    assert f"Starting {_IDENTIFIER}" in account.up("on")
    assert account.status == "available"


def test_up_stops_a_parked_database_again_that_the_cloud_has_started(account: Account) -> None:
    account.up("parked")
    account.start()
    assert account.status == "available"
    account.up("parked")
    assert account.status == "stopped"
