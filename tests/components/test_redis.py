"""Redis: its memory, its persistence and its password."""

from components.redis import Redis, RedisArgs
from components.sizing import Size
from tests.components.recorded import RecordingCluster, foundation, recorded


def _built(size: Size = "laptop") -> RecordingCluster:
    def program(cluster: RecordingCluster) -> None:
        Redis("redis", RedisArgs(foundation=foundation(cluster, size)))

    return recorded(program)


def test_it_evicts_at_half_of_its_memory_and_keeps_what_it_has() -> None:
    conf = _built().files["redis"]["redis.conf"].splitlines()
    assert "maxmemory 128mb" in conf
    assert "maxmemory-policy allkeys-lru" in conf
    assert "appendonly yes" in conf


def test_clients_need_the_password() -> None:
    assert "requirepass secret-of-redis-password" in _built().files["redis"]["redis.conf"].splitlines()


def test_a_larger_size_has_more_memory() -> None:
    assert "maxmemory 2048mb" in _built("production").files["redis"]["redis.conf"].splitlines()


def test_no_secret_stands_where_anybody_may_read_it() -> None:
    cluster = _built()
    assert any("secret-of-" in text for files in cluster.files.values() for text in files.values())
    assert not [text for texts in cluster.open_texts.values() for text in texts if "secret-of-" in text]
