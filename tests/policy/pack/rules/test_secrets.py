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


PARAMETER = "aws:ssm/parameter:Parameter"
STATES, SQL_USER = "aws:sfn/stateMachine:StateMachine", "gcp:sql/user:User"
MARKED = [
    Case(_CLEAR, "marked in a definition", (_marked(STATES, {"definition": "x"}, "definition"),), 1),
    Case(
        _CLEAR,
        "marked in an object",
        (_marked("aws:s3/bucketObjectv2:BucketObjectv2", {"content": "x"}, "content"),),
        1,
    ),
    Case(
        _CLEAR,
        "marked in a mapping of one's own",
        (
            _marked(
                "aws:glue/thing:Thing",
                {"configuration": {"db.password": "x"}},
                "configuration",
                "db.password",
            ),
        ),
        1,
    ),
    Case(
        _CLEAR,
        "a connector",
        (
            resource(
                "aws:mskconnect/connector:Connector",
                {"connectorConfiguration": {"database.password": "hunter2"}},
            ),
        ),
        1,
    ),
    Case(_CLEAR, "a user's password", (_marked(SQL_USER, {"name": "a", "password": "x"}, "password"),)),
    Case(
        _CLEAR,
        "a version of a secret",
        (_marked("aws:secretsmanager/secretVersion:SecretVersion", {"secretString": "x"}, "secretString"),),
    ),
    Case(
        _CLEAR,
        "a parameter with a secret's name",
        (resource(PARAMETER, {"type": "String", "name": "/lake/password", "value": "hunter2"}),),
        1,
    ),
    Case(
        _CLEAR,
        "a parameter of another name",
        (resource(PARAMETER, {"type": "String", "name": "/lake/region", "value": "eu-west-1"}),),
    ),
]
# In parts, as above.
_FORMS = (
    "eyJ" + "hbGciOiJub25lIn0." + "eyJ" + "zdWIiOiJub2JvZHkifQ." + "c2lnbmF0dXJlcw",
    "hvs" + "." + "a" * 24,
    "dapi" + "0" * 32,
    "sk_" + "live_" + "a" * 16,
    "npm" + "_" + "a" * 36,
    "pypi" + "-AgE" + "a" * 16,
    "GOCSPX" + "-" + "a" * 20,
    "ya29" + "." + "a" * 20,
    "https://hooks.slack.com" + "/services/T00000000/B00000000/" + "a" * 16,
    '{"type" : "service_' + 'account"}',
    'PlainLoginModule required username="a" password="hunter2";',
    "-Djavax.net.ssl.keyStorePassword=hunter2",
    "app:hunter2@tcp(db.example:3306)/lake",
    "serve --admin-password=hunter2",
)
_NO_FORMS = (
    "eyJ.eyJ.a",
    "-Djavax.net.ssl.keyStorePassword=${PASSWORD}",
    "app@tcp(db.example:3306)/lake",
    "serve --admin-password=$(PASSWORD)",
)
FORMS = [
    *(Case(_CLEAR, f"a form: {form[:12]}", (_env("A", form),), 1) for form in _FORMS),
    *(Case(_CLEAR, f"no form: {form}", (_env("A", form),)) for form in _NO_FORMS),
]
_HELD = ("FERNET_KEY", "SECRET_KEY_BASE", "JWT_KEY", "PASSWORDS", "DBPASS", "PASSWORD_1", "SECRETKEY")
_SAID = ("${PW:-hunter2}", "$(echo hunter2)", "<hunter2>", "{hunter2}", "arn:hunter2", "secretRefhunter2")
_ELSEWHERE = (
    "vault:secret/lake#key",
    "ENC(abc)",
    "file:///run/password",
    "ssm:/lake",
    "${PW:-}",
    "<password>",
    "{password}",
)
NAMES = [
    *(Case(_CLEAR, f"called {name}", (_env(name, "hunter2"),), 1) for name in _HELD),
    *(Case(_CLEAR, f"said: {value}", (_env("PASSWORD", value),), 1) for value in _SAID),
    *(Case(_CLEAR, f"elsewhere: {value}", (_env("PASSWORD", value),)) for value in _ELSEWHERE),
    Case(_CLEAR, "a number of tokens", (_env("MAX_TOKEN", "8192"),)),
    Case(_CLEAR, "the name of a Secret", (_env("POSTGRES_PASSWORD_SECRET", "trino-db"),)),
    Case(_CLEAR, "a program", (_map(app="def __init__(self, token):\n    self.token = token\n"),)),
    Case(_CLEAR, "a program with a secret", (_map(app="class A:\n    self.token = 'hunter2'\n"),), 1),
    *(
        Case(_CLEAR, key, (resource(CONFIG, {"metadata": {"annotations": {key: "a" * 64}}}),))
        for key in ("checksum/secret", "nginx.ingress.kubernetes.io/auth-secret")
    ),
]
CASES = [
    *MARKED,
    *FORMS,
    *NAMES,
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
