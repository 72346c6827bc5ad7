"""`make sweep` as users run it: the real engine's state, and a moto server for the account."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from infra import sweep
from tests.infra.engine.cloud_project import enter, write
from tests.infra.engine.conftest import ROOT, Project
from tests.moto_server import ELSEWHERE, login, moto_server
from tests.providers.aws.account import REGION, Account

AWS = {"cloud": "aws", "aws": {"region": REGION}}
_HOLDING = """
import pulumi

class Held(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("slow:index:Held", name, {{"until": "/dev/null", "bucket": name}})

Held("{bucket}")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def account(project: Project, server: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    enter(project, monkeypatch)
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    for name, value in login(server).items():
        monkeypatch.setenv(name, value)
    return Account(server)


def buckets(account: Account) -> set[str]:
    return {each["Name"] for each in account.client("s3").list_buckets()["Buckets"]}


def test_a_destroyed_stack_s_remains_are_listed_and_then_deleted_but_what_the_state_has_stays(
    project: Project,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tags = {"project": "nebula", "stack": "local"}
    for name in ("in-the-state", "left-behind"):
        account.bucket(name, tags)
    write(project, "local", {"cloud": "local"})
    project.program(_HOLDING.format(bucket="in-the-state"))
    assert (made := project.run("up")).code == 0, made.output
    write(project, "local", AWS)
    capfd.readouterr()

    assert sweep.main(["--stack", "local"], project.checkout) == 0
    listed = capfd.readouterr().out
    assert "left-behind" in listed
    assert "in-the-state" not in listed
    assert "DELETE=1" in listed
    assert buckets(account) == {"in-the-state", "left-behind"}

    assert sweep.main(["--stack", "local", "--delete"], project.checkout) == 1
    assert "CONFIRM=" in capfd.readouterr().err
    assert buckets(account) == {"in-the-state", "left-behind"}
    monkeypatch.setenv("CONFIRM", "local")
    assert sweep.main(["--stack", "local", "--delete"], project.checkout) == 0
    assert buckets(account) == {"in-the-state"}
    assert sweep.main(["--stack", "local"], project.checkout) == 0
    assert "Nothing is left" in capfd.readouterr().out


def test_a_stack_that_the_backend_does_not_know_is_swept_by_its_tags(
    project: Project,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CONFIRM", "gone")
    write(project, "gone", AWS)
    account.bucket("of-gone", {"project": "nebula", "stack": "gone"})
    assert sweep.main(["--stack", "gone", "--delete"], project.checkout) == 0
    assert "Deleted bucket of-gone" in capfd.readouterr().out
    assert "of-gone" not in buckets(account)


def test_nothing_is_deleted_of_a_stack_that_stands_and_has_its_state_elsewhere(
    project: Project, account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, "theirs", AWS)
    account.bucket("of-theirs", {"project": "nebula", "stack": "theirs"})
    account.client("eks").create_cluster(
        name="nebula-theirs", roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={"subnetIds": []}
    )
    assert sweep.main(["--stack", "theirs", "--delete"], project.checkout) == 1
    assert "pulumi login" in capfd.readouterr().err
    assert "of-theirs" in buckets(account)


@pytest.mark.parametrize(
    ("stack", "platform", "said"),
    [
        ("nowhere", None, "The stacks are: local"),
        ("gcp", {"cloud": "gcp", "gcp": {"project": "p"}}, "Nothing sweeps this cloud yet"),
        ("here", {"cloud": "local"}, "leaves nothing behind"),
        ("unplaced", {"cloud": "aws"}, "nebula:platform.aws.region"),
    ],
)
def test_what_cannot_be_swept_says_why_and_fails(
    project: Project,
    account: Account,
    capfd: pytest.CaptureFixture[str],
    stack: str,
    platform: dict[str, object] | None,
    said: str,
) -> None:
    if platform is not None:
        write(project, stack, platform)
    assert sweep.main(["--stack", stack], project.checkout) == 1
    assert said in capfd.readouterr().err


def test_without_a_login_it_fails_and_says_so(
    project: Project, account: Account, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    write(project, "dev", AWS)
    assert sweep.main(["--stack", "dev"], project.checkout) == 1
    assert "credentials" in capfd.readouterr().err


def test_the_module_is_the_command_of_the_makefile() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "infra.sweep", "--stack", "nowhere"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: There is no stack 'nowhere'")
