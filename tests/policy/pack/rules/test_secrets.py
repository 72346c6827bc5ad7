"""Where secrets may stand."""

import base64
import json

import pytest

from policy.pack.model import Resource, Stack
from tests.policy.pack.case import Case, ids, pod, resource

_PLAIN, _CLEAR = "no-secret-in-plain-config", "no-secret-in-clear"
STACK, CONFIG, SECRET = "pulumi:pulumi:Stack", "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret"
FUNCTION, TASK = "aws:lambda/function:Function", "aws:ecs/taskDefinition:TaskDefinition"
MACHINE, RUN = "aws:ec2/instance:Instance", "gcp:cloudrunv2/service:Service"
# In parts: whole, it would be taken for a key of somebody's.
_BLOCK = "-----BEGIN " + "PRIVATE KEY-----"
_URL = "postgresql://app:" + "hunter2@db.example/app"


_SCRIPT = base64.b64encode(b"#!/bin/sh\nexport DB_PASSWORD=hunter2\n").decode()


def _env(name: str, value: str) -> Resource:
    return pod({"env": [{"name": name, "value": value}]})


def _map(**data: str) -> Resource:
    return resource(CONFIG, {"data": data})


def _marked(token: str, properties: dict[str, object], *path: str | int) -> Resource:
    return resource(token, properties, secrets=[path])


def _task(name: str, value: str) -> Resource:
    definitions = [{"name": "main", "environment": [{"name": name, "value": value}]}]
    return resource(TASK, {"containerDefinitions": json.dumps(definitions)})


CASES = [
    Case(
        _PLAIN,
        "in clear",
        (resource(STACK),),
        1,
        stack=Stack(plain_secrets=("nebula:platform.external.postgres.admin.password",)),
    ),
    Case(_PLAIN, "encrypted", (resource(STACK),)),
    Case(_CLEAR, "a variable", (_env("DB_PASSWORD", "hunter2"),), 1),
    Case(_CLEAR, "a connection string", (_env("DATABASE", _URL),), 1),
    Case(_CLEAR, "a string of pairs", (_env("DATABASE", "Server=db;Password=hunter2;"),), 1),
    Case(_CLEAR, "an argument", (pod({"args": ["--admin-password=hunter2"]}),), 1),
    Case(_CLEAR, "an argument of two", (pod({"command": ["serve", "--token abc"]}),), 1),
    Case(_CLEAR, "a value of a ConfigMap", (_map(password="hunter2"),), 1),
    Case(_CLEAR, "a file of a ConfigMap", (_map(app="user=app\nconnection-password=hunter2\n"),), 1),
    Case(_CLEAR, "a key in a ConfigMap", (_map(pem=f"{_BLOCK}\nabc\n"),), 1),
    Case(
        _CLEAR,
        "a binary ConfigMap",
        (resource(CONFIG, {"binaryData": {"a": base64.b64encode(_URL.encode()).decode()}}),),
        1,
    ),
    Case(_CLEAR, "an annotation", (resource(CONFIG, {"metadata": {"annotations": {"a/token": "abc"}}}),), 1),
    Case(_CLEAR, "marked", (_marked(CONFIG, {"data": {"greeting": "hello"}}, "data", "greeting"),), 1),
    Case(
        _CLEAR,
        "marked in a resource of one's own",
        (_marked("kubernetes:a.b/v1:C", {"spec": {"x": "y"}}, "spec"),),
        1,
    ),
    Case(_CLEAR, "a function", (resource(FUNCTION, {"environment": {"variables": {"API_KEY": "abc"}}}),), 1),
    Case(_CLEAR, "a task", (_task("DB_PASSWORD", "hunter2"),), 1),
    Case(_CLEAR, "user data", (resource(MACHINE, {"userData": "#!/bin/sh\nexport TOKEN=abc\n"}),), 1),
    Case(_CLEAR, "a tag", (resource(MACHINE, {"tags": {"password": "hunter2"}}),), 1),
    Case(
        _CLEAR,
        "a service of Google's",
        (resource(RUN, {"template": {"containers": [{"envs": [{"name": "TOKEN", "value": "abc"}]}]}}),),
        1,
    ),
    Case(
        _CLEAR,
        "a parameter in clear",
        (_marked("aws:ssm/parameter:Parameter", {"type": "String", "value": "abc"}, "value"),),
        1,
    ),
    Case(_CLEAR, "an argument before its value", (pod({"args": ["--password", "hunter2"]}),), 1),
    Case(_CLEAR, "a command of a shell", (pod({"command": ["sh", "-c", "PGPASSWORD=hunter2 psql"]}),), 1),
    Case(_CLEAR, "JSON in a ConfigMap", (_map(app='{"db": {"password": "hunter2"}}'),), 1),
    Case(_CLEAR, "a login in a ConfigMap", (_map(jaas='required username="a" password="hunter2";'),), 1),
    Case(_CLEAR, "words run together", (_env("PGPASSWORD", "hunter2"),), 1),
    Case(_CLEAR, "a value with a dollar", (_env("PASSWORD", "$ecret"),), 1),
    Case(_CLEAR, "a value with a slash", (_env("PASSWORD", "/hunter2"),), 1),
    Case(_CLEAR, "another variable", (_env("PASSWORD", "$(OTHER)"),)),
    Case(_CLEAR, "a script", (resource(MACHINE, {"userData": _SCRIPT}),), 1),
    Case(
        _CLEAR,
        "a script of Google's",
        (resource("gcp:compute/instance:Instance", {"metadataStartupScript": "export DB_PASSWORD=hunter2"}),),
        1,
    ),
    Case(_CLEAR, "prose", (_map(readme="The password: ask the administrator.\n"),)),
    Case(_CLEAR, "a name in a program", (_map(app="password = settings.password\n"),)),
    Case(
        _CLEAR,
        "a variable that is kept elsewhere",
        (
            resource(
                "aws:codebuild/project:Project",
                {
                    "environment": {
                        "environmentVariables": [
                            {"name": "TOKEN", "value": "prod/token", "type": "SECRETS_MANAGER"}
                        ]
                    }
                },
            ),
        ),
    ),
    Case(_CLEAR, "a call in a program", (_map(app='password = environ["PASSWORD"]\n'),)),
    Case(_CLEAR, "an argument that names a file", (pod({"args": ["--password-file", "/run/word"]}),)),
    Case(_CLEAR, "a Secret", (resource(SECRET, {"stringData": {"password": "hunter2"}}),)),
    Case(_CLEAR, "a Secret, marked", (_marked(SECRET, {"data": {"a": "YQ=="}}, "data", "a"),)),
    Case(_CLEAR, "a database's own", (_marked("aws:rds/instance:Instance", {"password": "a"}, "password"),)),
    Case(
        _CLEAR,
        "a parameter",
        (_marked("aws:ssm/parameter:Parameter", {"type": "SecureString", "value": "abc"}, "value"),),
    ),
    Case(
        _CLEAR,
        "a Secret's name",
        (pod({"env": [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}),),
    ),
    Case(_CLEAR, "where the file is", (_env("PASSWORD_FILE", "/run/secrets/password"),)),
    Case(_CLEAR, "a reference", (_map(app="connection-user=app\nconnection-password=${ENV:PASSWORD}\n"),)),
    Case(_CLEAR, "a switch", (_env("REQUIRE_TOKEN", "true"),)),
    Case(_CLEAR, "an address", (_env("URL", "https://idp.example/token"),)),
]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_secrets_stand_where_nobody_else_reads_them(case: Case) -> None:
    assert len(case.messages()) == case.violations
