"""Starting a stopped database, against a moto server."""

import pytest

from providers.aws.power import RdsPower
from providers.power import PowerError
from tests.providers.aws.account import REGION, Account


def database(account: Account) -> str:
    account.client("rds").create_db_instance(
        DBInstanceIdentifier="db", DBInstanceClass="db.t4g.micro", Engine="postgres", AllocatedStorage=20
    )
    return "db"


def status(account: Account) -> str:
    (found,) = account.client("rds").describe_db_instances(DBInstanceIdentifier="db")["DBInstances"]
    return str(found["DBInstanceStatus"])


def test_a_stopped_database_is_started_and_one_that_runs_is_left(account: Account) -> None:
    name = database(account)
    account.client("rds").stop_db_instance(DBInstanceIdentifier=name)
    assert status(account) == "stopped"
    for _ in range(2):
        RdsPower(REGION).start(name)
        assert status(account) == "available"


def test_a_database_that_is_not_there_is_an_error(account: Account) -> None:
    with pytest.raises(PowerError, match="RDS did not start gone"):
        RdsPower(REGION).start("gone")


def test_without_a_login_the_error_says_so(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PowerError, match="credentials"):
        RdsPower(REGION).start("db")
