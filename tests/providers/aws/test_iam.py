"""What IAM documents may say."""

import json

import pytest

from providers.aws.iam import Condition, Statement, document
from tests.mocked_program import run_program


@pytest.mark.parametrize("action", ["*", "s3:*"])
def test_every_action_on_everything_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match="allows"):
        Statement(actions=(action,), resources=("*",))


def test_every_action_on_one_thing_may_be_denied() -> None:
    Statement(effect="Deny", everyone=True, actions=("s3:*",), resources=("arn:aws:s3:::mine",))


def test_conditions_of_one_operator_are_kept_together() -> None:
    statement = Statement(
        actions=("sts:AssumeRole",),
        service="pods.eks.amazonaws.com",
        conditions=[
            Condition("StringEquals", "aws:RequestTag/kubernetes-namespace", "data"),
            Condition("StringEquals", "aws:RequestTag/eks-cluster-name", "nebula-dev"),
        ],
    )
    seen: list[str] = []

    def program() -> None:
        document([statement]).apply(seen.append)

    run_program(program)
    (written,) = json.loads(seen[0])["Statement"]
    assert written["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert set(written["Condition"]["StringEquals"].values()) == {"data", "nebula-dev"}
