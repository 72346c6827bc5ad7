"""What a stack on AWS left behind, against a moto server (tests/moto_server.py)."""

from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from infra.sweep import known, sweep
from providers.aws.sweep import AwsSweeper
from providers.sweep import SweepError
from tests.providers.aws.account import REGION, STACK, TAGS, Account, listed


def found(state: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    every: dict[str, set[str]] = {}
    for orphan in AwsSweeper(STACK, REGION).find(state):
        every.setdefault(orphan.kind, set()).add(orphan.id)
    return every


def swept(
    *,
    delete: bool,
    state: frozenset[str] = frozenset(),
    console: Console | None = None,
    owner: str | None = None,
    confirmed: bool = True,
) -> int:
    return sweep(
        AwsSweeper(STACK, REGION),
        state,
        delete=delete,
        console=console or Console(quiet=True),
        owner=owner,
        confirm=lambda _: confirmed,
    )


def test_what_carries_the_stack_s_tags_is_found_and_nothing_else(account: Account) -> None:
    orphans = account.of(STACK)
    account.of("other")
    account.client("s3").create_bucket(Bucket="somebody-elses")
    account.client("ec2").create_volume(AvailabilityZone=f"{REGION}a", Size=5)
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_another_project_s_stack_of_that_name_is_not_this_one(account: Account) -> None:
    account.bucket("theirs", {"project": "theirs", "stack": STACK})
    assert found() == {}


def test_what_is_in_the_state_is_neither_listed_nor_deleted(account: Account) -> None:
    live, orphans = account.of(STACK), account.of(STACK, "-old")
    arn = account.client("elbv2").describe_load_balancers(Names=[live["load balancer"]])["LoadBalancers"][0]
    state = known(
        {
            "resources": [
                {"type": "aws:lb/loadBalancer:LoadBalancer", "id": arn["LoadBalancerArn"]},
                *({"type": "aws:x/y:Z", "id": name} for name in live.values()),
            ]
        }
    )
    assert found(state) == {kind: {name} for kind, name in orphans.items()}
    assert swept(delete=True, state=state) == 0
    assert found() == {kind: {name} for kind, name in live.items()}
    versions = account.client("s3").list_object_versions(Bucket=live["bucket"])
    assert len(versions["Versions"]) == 3


def test_without_delete_nothing_is_deleted(account: Account) -> None:
    orphans = account.of(STACK)
    assert swept(delete=False) == 0
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_delete_leaves_nothing_of_the_stack_and_all_of_others(account: Account) -> None:
    account.of(STACK)
    others = account.of("other")
    assert swept(delete=True) == 0
    assert found() == {}
    kept = AwsSweeper("other", REGION).find(())
    assert {orphan.kind: orphan.id for orphan in kept} == others


def test_without_a_confirmation_nothing_is_deleted(account: Account) -> None:
    orphans = account.of(STACK)
    with pytest.raises(SweepError, match="CONFIRM"):
        swept(delete=True, confirmed=False)
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_what_another_owner_tagged_is_named_and_left_alone(account: Account) -> None:
    """A stack of the same name, of another team in the same account, whose state is elsewhere."""
    tags = {"project": "nebula", "stack": STACK}
    account.bucket("ours", {**tags, "owner": "grid"})
    account.bucket("theirs", {**tags, "owner": "billing"})
    said = StringIO()
    assert swept(delete=True, owner="grid", console=Console(file=said, width=200)) == 0
    assert "bucket theirs (billing)" in said.getvalue()
    assert found() == {"bucket": {"theirs"}}


def test_a_login_of_another_account_is_refused_before_anything_is_looked_at(account: Account) -> None:
    account.bucket("left", {"project": "nebula", "stack": STACK})
    with pytest.raises(SweepError, match="999999999999"):
        AwsSweeper(STACK, REGION, "999999999999").find(())
    assert AwsSweeper(STACK, REGION, "123456789012").find(())


def test_each_says_what_it_costs(account: Account) -> None:
    account.of(STACK)
    costs = {orphan.kind: orphan.monthly for orphan in AwsSweeper(STACK, REGION).find(())}
    assert costs == {
        # 730 × 0.0225
        "load balancer": Decimal("16.425"),
        # 20 GiB × 0.08
        "volume": Decimal("1.60"),
        # at most: 20 GiB × 0.05
        "snapshot": Decimal("1.00"),
        # at most: 20 GiB × 0.095
        "database snapshot": Decimal("1.90"),
        "network interface": Decimal(0),
        # 730 × 0.005
        "address": Decimal("3.65"),
        "log group": Decimal(0),
        # by what is in it
        "bucket": None,
    }


def claim_volume(account: Account, cluster: str) -> str:
    """A disk as the cluster's storage driver makes it for a claim."""
    tags = {"ebs.csi.aws.com/cluster": "true", f"kubernetes.io/cluster/{cluster}": "owned", **TAGS}
    made = account.client("ec2").create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=8,
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": listed(tags)}],
    )
    return str(made["VolumeId"])


def test_the_disks_of_claims_are_kept_while_the_state_has_the_cluster(account: Account) -> None:
    volume = claim_volume(account, "nebula-dev")
    assert found(frozenset({"nebula-dev"})) == {}
    assert found() == {"volume": {volume}}


def test_a_disk_that_only_the_cluster_tagged_is_found_after_it_is_gone(account: Account) -> None:
    made = account.client("ec2").create_volume(
        AvailabilityZone=f"{REGION}a",
        Size=8,
        TagSpecifications=[
            {
                "ResourceType": "volume",
                "Tags": listed({"kubernetes.io/cluster/nebula-dev": "owned"}),
            }
        ],
    )
    assert found() == {"volume": {made["VolumeId"]}}


def test_nothing_is_deleted_while_the_stack_stands_and_its_state_is_elsewhere(account: Account) -> None:
    orphans = account.of(STACK)
    account.client("eks").create_cluster(
        name="nebula-dev", roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={"subnetIds": ["s"]}
    )
    with pytest.raises(SweepError, match="EKS cluster nebula-dev stands"):
        swept(delete=True)
    assert found() == {kind: {name} for kind, name in orphans.items()}


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(account: Account) -> None:
    orphans = account.of(STACK)
    ec2 = account.client("ec2")
    (image,) = ec2.describe_images(Owners=["amazon"])["Images"][:1]
    instance = ec2.run_instances(ImageId=image["ImageId"], MinCount=1, MaxCount=1)["Instances"][0]
    ec2.attach_volume(VolumeId=orphans["volume"], InstanceId=instance["InstanceId"], Device="/dev/xvdb")
    console = Console(record=True, quiet=True)
    assert swept(delete=True, console=console) == 1
    assert found() == {"volume": {orphans["volume"]}}


def test_a_cloud_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SweepError, match="did not list what is left"):
        AwsSweeper(STACK, REGION).find(())
