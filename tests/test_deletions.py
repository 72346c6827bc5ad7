"""Every place that deletes or ends something, with the proof that it is ours to delete (ADR 19).

A new place fails this test until it stands here: whoever adds it says whose it is that goes.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = ("apps", "components", "infra", "policy", "providers")
_CALL = re.compile(
    r"rmtree|remove_tree|remove|unlink|rmdir|removedirs|kill|killpg|terminate|send_signal|truncate|ftruncate"
    r"|shutdown|delete\w*|remove_\w+|end_orphans|userdel"
)
_TEXT = re.compile(r"\brm -|\bDROP (TABLE|DATABASE|SCHEMA|ROLE)\b|\bDELETE FROM\b|\buserdel\b")

_STACK = (
    "below a directory whose owner.json names this stack: `begin_changes` or `require_ownership` before it"
)
_CHILD = "a process that this one started"
_SCRATCH = "a temporary file or folder that this process made"
_CACHE = "below our cache, under the lock of the very thing that is made again"
_STORE = "the projection's own store or consumer, under the lock of its directory"
_SWEPT = "carries the stack's tags and owner, is in no state, and was confirmed (infra/sweep.py)"
_NOTHING = "names what others do: it deletes nothing by itself"

PROOFS: Mapping[str, Mapping[str, str]] = {
    "apps/kit/result.py": {"unlink": _SCRATCH},
    "apps/pipelines/flights/bronze.py": {"delete": "an object that carries the digest of an earlier landing"},
    "apps/pipelines/flights/session.py": {
        "rmtree": "the driver's folder below the task's own", "kill": _CHILD, "shutdown": _CHILD,
    },
    "apps/projections/shard_process.py": {"kill": _CHILD, "terminate": _CHILD},
    "apps/projections/generations/controller.py": {"delete_consumer": _STORE},
    "apps/projections/generations/registry.py": {"rmtree": _STORE},
    "apps/projections/jetstream.py": {"delete_consumer": _STORE},
    "apps/projections/operations.py": {"delete_consumer": _STORE},
    "apps/projections/directory_lock.py": {"truncate": "its own lock file, which it holds"},
    "apps/projections/sandbox/process.py": {"kill": _CHILD},
    "apps/projections/store.py": {"delete": _STORE},
    "apps/projections/nats_connection.py": {"shutdown": "its own socket"},
    "infra/engine/backend.py": {"unlink": _SCRATCH},
    "infra/engine/clean.py": {
        "remove_tree": "by name, after no stack of this machine needs it",
        "rmdir": "only when empty",
    },
    "infra/engine/commands.py": {"remove_stack_without_state": _STACK},
    "infra/engine/install_packages.py": {"kill": _CHILD, "terminate": _CHILD},
    "infra/engine/language_host.py": {"terminate": _CHILD},
    "infra/engine/locks.py": {"unlink": "a lock of this machine whose process is dead"},
    "infra/engine/process.py": {"kill": _CHILD, "killpg": _CHILD},
    "infra/plugins/acquisition.py": {"terminate": _CHILD},
    "infra/previews/__main__.py": {"rmtree": _SCRATCH},
    "infra/stack_yaml.py": {"remove": _NOTHING},
    "infra/sweep.py": {"delete": _SWEPT},
    "providers/aws/sweep.py": dict.fromkeys(
        (
            "delete", "delete_bucket", "delete_db_snapshot", "delete_load_balancer", "delete_log_group",
            "delete_network_interface", "delete_objects", "delete_snapshot", "delete_volume",
        ),
        _SWEPT,
    ),
    "providers/kubernetes/pods.py": {
        "rm -": "an init container's: the volume of its own claim, while it is marked as being prepared"
    },
    "providers/local/artifacts/cache.py": {"rmtree": _CACHE},
    "providers/local/artifacts/client.py": {"killpg": _CHILD},
    "providers/local/artifacts/go.py": {"unlink": _CACHE},
    "providers/local/artifacts/maven.py": {"rmtree": _CACHE, "unlink": _CACHE},
    "providers/local/artifacts/pypi.py": {"rmtree": _CACHE, "unlink": _CACHE},
    "providers/local/plugin/command_runner.py": {"kill": _CHILD},
    "providers/local/plugin/host.py": {"remove_stack": _STACK, "end_orphans": _STACK},
    "providers/local/plugin/layout.py": {"rmtree": _NOTHING, "unlink": _NOTHING},
    "providers/local/plugin/directory_lock.py": {
        "unlink": "the lock file that it holds", "ftruncate": "the lock file that it holds",
    },
    "providers/local/plugin/process.py": {
        "remove": _STACK, "remove_program": _STACK, "remove_tree": _STACK, "unlink": _STACK,
        "end_orphans": _STACK,
    },
    "providers/local/plugin/os_processes.py": {
        "kill": "by pid and start time: it carries the stack's mark or record, or descends from one"
    },
    "providers/local/plugin/readiness.py": {"unlink": _STACK},
    "providers/local/plugin/stack_removal.py": {
        "remove": _STACK, "remove_stack": _STACK, "remove_tree": _STACK, "rmdir": "only when empty",
        "shutdown": _STACK,
        "unlink": _STACK, "end_orphans": _STACK,
    },
    "providers/local/plugin/resource_provider.py": {"delete": _NOTHING},
    "providers/local/plugin/workload_spec.py": {"remove_tree": _STACK},
    "providers/local/plugin/supervisor.py": {"shutdown": _STACK, "unlink": _STACK},
    "providers/local/plugin/task.py": {"remove_tree": _STACK, "unlink": _STACK, "end_orphans": _STACK},
    "providers/local/plugin/volume.py": {"remove_tree": _STACK, "unlink": _STACK},
}  # fmt: skip


def _found() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for folder in _FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            found[path.relative_to(ROOT).as_posix()] |= set(_deletions(ast.parse(path.read_text())))
    return {path: names for path, names in found.items() if names}


def _deletions(tree: ast.AST) -> Iterator[str]:
    """Names of calls that delete or end something, and such words in texts that others run."""
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if _CALL.fullmatch(name):
                yield name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            yield from (match[0] for match in _TEXT.finditer(node.value))


def test_every_place_that_deletes_has_its_proof_here() -> None:
    assert _found() == {path: set(names) for path, names in PROOFS.items()}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("shutil.rmtree(path)", {"rmtree"}),
        ("rmtree(path)", {"rmtree"}),
        ("client.delete_volume(VolumeId=i)", {"delete_volume"}),
        ("run('rm -rf /')", {"rm -"}),
        ("execute('DROP TABLE t')", {"DROP TABLE"}),
        ("'''Says rm -rf.'''", set()),
        ("path.replace('a', 'b')", set()),
    ],
)
def test_what_deletes_is_recognised(source: str, found: set[str]) -> None:
    assert set(_deletions(ast.parse(source))) == found


def test_the_makefile_removes_only_what_the_clone_made() -> None:
    lines = [
        line.strip() for line in (ROOT / "Makefile").read_text().splitlines() if re.search(r"\brm\b", line)
    ]
    assert lines == ["else rm -rf .venv; fi"]
