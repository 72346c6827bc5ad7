import io
from collections.abc import Callable
from typing import Any

import pytest
from minio import Minio
from minio.error import S3Error

from tests.apps.provisioner.conftest import Declared, Provision, mint

User = dict[str, Any]


def declare(server: Declared, buckets: list[dict[str, Any]], *users: User) -> Declared:
    return {**server, "buckets": buckets, "users": list(users)}


def user(name: str, **access: str) -> User:
    """A user with `access` ("read" or "write") to each bucket."""
    grants = [{"buckets": [bucket], "access": level} for bucket, level in access.items()]
    return {"name": name, "secret_key": mint(), "grants": grants}


def client(server: Declared, login: User | None = None) -> Minio:
    """A client of the user, or of the administrator."""
    name, secret = (
        (login["name"], login["secret_key"]) if login else (server["access_key"], server["secret_key"])
    )
    return Minio(endpoint=server["endpoint"], access_key=name, secret_key=secret, secure=False)


def put(minio: Minio, bucket: str, name: str = "object", content: bytes = b"content") -> None:
    minio.put_object(bucket_name=bucket, object_name=name, data=io.BytesIO(content), length=len(content))


def get(minio: Minio, bucket: str, name: str = "object") -> bytes:
    with minio.get_object(bucket_name=bucket, object_name=name) as response:
        content: bytes = response.read()
        return content


def test_a_second_run_changes_nothing(object_store: Declared, provision: Provision) -> None:
    spec = declare(
        object_store,
        [{"name": "twice-a", "versioned": True}, {"name": "twice-b"}],
        user("twice", **{"twice-a": "read", "twice-b": "write"}),
    )
    assert provision(spec).changed == [
        "created bucket twice-a",
        "turned on the versioning of bucket twice-a",
        "created bucket twice-b",
        "created user twice",
        "created policy nebula-twice",
        "gave policy nebula-twice to user twice",
    ]
    again = provision(spec)
    assert again.changed == []
    assert again.stdout.splitlines()[-1] == "nothing to change"


def test_a_key_reaches_its_own_buckets_only_and_as_granted(
    object_store: Declared, provision: Provision
) -> None:
    reader = user("reader", shown="read")
    writer = user("writer", shown="write")
    buckets = [{"name": "shown"}, {"name": "hidden"}]
    assert provision(declare(object_store, buckets, reader, writer)).code == 0
    put(client(object_store), "hidden")
    put(client(object_store, writer), "shown")
    assert get(client(object_store, reader), "shown") == b"content"
    assert [each.object_name for each in client(object_store, reader).list_objects("shown")] == ["object"]
    refused: list[Callable[[], object]] = [
        lambda: put(client(object_store, reader), "shown"),
        lambda: client(object_store, reader).remove_object("shown", "object"),
        lambda: get(client(object_store, reader), "hidden"),
        lambda: get(client(object_store, writer), "hidden"),
        lambda: put(client(object_store, writer), "hidden"),
        lambda: list(client(object_store, writer).list_objects("hidden")),
        lambda: client(object_store, writer).make_bucket(bucket_name="another"),
        lambda: client(object_store, writer).remove_bucket(bucket_name="shown"),
    ]
    for attempt in refused:
        with pytest.raises(S3Error) as error:
            attempt()
        assert error.value.code == "AccessDenied"
    client(object_store, writer).remove_object("shown", "object")


def test_a_changed_grant_changes_the_policy(object_store: Declared, provision: Provision) -> None:
    buckets = [{"name": "granted-a"}, {"name": "granted-b"}]
    before = user("granted", **{"granted-a": "write"})
    assert provision(declare(object_store, buckets, before)).code == 0
    after = {**before, "grants": [{"buckets": ["granted-b"], "access": "write"}]}
    assert provision(declare(object_store, buckets, after)).changed == ["changed policy nebula-granted"]
    put(client(object_store, after), "granted-b")
    with pytest.raises(S3Error, match="AccessDenied"):
        put(client(object_store, after), "granted-a")


def test_a_changed_secret_is_rotated(object_store: Declared, provision: Provision) -> None:
    old = user("rotated", rotated="write")
    assert provision(declare(object_store, [{"name": "rotated"}], old)).code == 0
    new = {**old, "secret_key": mint()}
    assert provision(declare(object_store, [{"name": "rotated"}], new)).changed == [
        "set the secret key of user rotated"
    ]
    put(client(object_store, new), "rotated")
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        put(client(object_store, old), "rotated")


def test_versioning_is_suspended_when_declared_and_left_alone_when_not(
    object_store: Declared, provision: Provision
) -> None:
    def changed(bucket: dict[str, Any]) -> list[str]:
        return provision(declare(object_store, [bucket])).changed

    assert len(changed({"name": "versions", "versioned": True})) == 2
    assert changed({"name": "versions"}) == []
    assert changed({"name": "versions", "versioned": False}) == [
        "suspended the versioning of bucket versions"
    ]
    assert changed({"name": "versions", "versioned": False}) == []


def test_what_is_declared_no_more_is_kept(object_store: Declared, provision: Provision) -> None:
    kept = user("kept", kept="write")
    assert provision(declare(object_store, [{"name": "kept"}], kept)).code == 0
    put(client(object_store, kept), "kept")
    assert provision(declare(object_store, [])).changed == []
    assert get(client(object_store, kept), "kept") == b"content"


def test_wrong_credentials_end_at_once_and_name_the_server(
    object_store: Declared, provision: Provision
) -> None:
    assert provision(declare(object_store, [])).code == 0
    run = provision({**declare(object_store, []), "secret_key": mint(), "wait_seconds": 600})
    assert run.code == 1
    assert f"{object_store['endpoint']} refused the administrator's key" in run.stderr
    assert len(run.stderr.splitlines()) == 1
