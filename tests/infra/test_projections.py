"""Projections in the whole stack, against Pulumi's mocks: their workers on a machine and on a cluster."""

import json
import math
import os
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from pydantic import ValidationError

from components.software import PROJECTIONS
from components.templates import render
from infra.images import images
from infra.projection_programs import read_workers
from infra.projection_settings import port_indexes
from infra.settings import Settings, SettingsError, parse
from infra.stack_file import StackFile
from infra.subjects import overlap
from tests.infra import kubernetes_stack, local_stack
from tests.infra.local_stack import PROCESS
from tests.infra.projections import COUNTING, declared
from tests.mocked_program import Run

_WORKERS = ["projections-carriers-all", "projections-day_board-newark", "projections-day_board-rest"]
_NOWHERE = StackFile(Path("stacks/Pulumi.absent.yaml"))


@pytest.fixture(scope="module")
def local() -> Run:
    return local_stack.run(**declared())


@pytest.fixture(scope="module")
def cluster() -> Run:
    return kubernetes_stack.run(declared())


def _workers(registered: Run) -> dict[str, Any]:
    return {name: r for name, r in registered.of_type(PROCESS).items() if name.startswith("projections")}


def _settings(**changes: Any) -> Settings:
    return parse(json.dumps({"cloud": "local", **changes}), _NOWHERE)


def test_each_shard_of_each_view_has_a_worker_a_volume_and_a_port_of_its_own(local: Run) -> None:
    found = _workers(local)
    assert sorted(found) == _WORKERS
    assert [found[name].inputs["ports"]["http"] for name in _WORKERS] == [20318, 20155, 20487]
    assert all(worker.inputs["hasVolume"] for worker in found.values())


def test_every_port_of_a_worker_is_looked_at_before_anything_starts(local: Run) -> None:
    (host,) = local.of_type("nebula-local:index:Host").values()
    numbers = {worker.inputs["ports"]["http"] for worker in _workers(local).values()}
    assert numbers <= set(host.inputs["ports"].values())


def test_a_worker_keeps_its_port_whatever_is_declared_beside_it() -> None:
    shards = [{"name": f"s{n}", "subjects": [f"events.s{n}.>"]} for n in range(8)]
    board = {**declared()["projections"][1], "shards": shards}
    both = port_indexes(_settings(**declared(projections=[board, declared()["projections"][0]])).projections)
    alone = port_indexes(_settings(**declared(projections=declared()["projections"][:1])).projections)
    assert alone.items() <= both.items()


_MEETING = ("s7", "s17")
"""Shards of `board` whose names come to one port."""


def _shards(*names: str, **more: Any) -> dict[str, Any]:
    shards = [{"name": name, "subjects": [f"events.{name}.>"], **more} for name in names]
    return {"name": "board", "stream": "EVENTS", "shards": shards, "program": COUNTING}


def test_workers_that_come_to_one_port_are_refused_with_one_that_is_free() -> None:
    with pytest.raises(
        SettingsError, match=r"board \(s17\) and board \(s7\) \(give the former port_index: \d+\)"
    ) as refused:
        _settings(**declared(projections=[_shards(*_MEETING)]))
    assert "projections[0].shards[1]" in str(refused.value)


def test_all_workers_that_come_to_one_port_are_named_at_once_with_what_mends_them() -> None:
    names = [f"s{number}" for number in range(100)]
    with pytest.raises(SettingsError, match="come to the same port") as refused:
        _settings(**declared(projections=[_shards(*names)]))
    pattern = r"board \((s\d+)\) and board \(s\d+\) \(give .*? port_index: (\d+)\)"
    advised = dict(re.findall(pattern, str(refused.value)))
    assert len(advised) > 1
    declaration = _shards(*names)
    for shard in declaration["shards"]:
        if shard["name"] in advised:
            shard["port_index"] = int(advised[shard["name"]])
    found = port_indexes(_settings(**declared(projections=[declaration])).projections)
    assert len(set(found.values())) == 100


def test_more_workers_than_ports_are_refused_as_that() -> None:
    names = [f"s{number}" for number in range(501)]
    many = declared(projections=[_shards(*names[:250]), {**_shards(*names[250:]), "name": "other"}])
    with pytest.raises(SettingsError, match=r"there are 501 workers.* ports for 500: declare fewer"):
        _settings(**many)
    assert len(_settings(**{**many, "cloud": "kubernetes"}).projections) == 2


def test_a_given_port_index_is_kept_and_moves_no_other() -> None:
    one, other = _shards(_MEETING[0]), _shards(_MEETING[1], port_index=7)
    both = {**one, "shards": [*one["shards"], *other["shards"]]}
    found = port_indexes(_settings(**declared(projections=[both])).projections)
    assert found["board", "s17"] == 7
    assert port_indexes(_settings(**declared(projections=[one])).projections).items() <= found.items()
    assert port_indexes(_settings(**declared(projections=[other])).projections).items() <= found.items()
    whole = {**declared()["projections"][0], "port_index": 7}
    assert port_indexes(_settings(**declared(projections=[whole])).projections) == {("carriers", "all"): 7}


@hypothesis.given(st.sets(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), min_size=2, max_size=8))
@hypothesis.settings(deadline=None, max_examples=20)
def test_no_worker_moves_when_another_is_removed(names: set[str]) -> None:
    declarations = [{**declared()["projections"][0], "name": name} for name in sorted(names)]

    def found(projections: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
        return port_indexes(_settings(**declared(cloud="kubernetes", projections=projections)).projections)

    for number in range(len(declarations)):
        assert (
            found(declarations[:number] + declarations[number + 1 :]).items() <= found(declarations).items()
        )


def test_workers_start_after_the_streams(local: Run) -> None:
    streams = local.of_type("nebula-local:index:Task")["nats-streams"]
    assert all(streams.urn in worker.dependencies for worker in _workers(local).values())


def test_a_program_reaches_its_worker_unchanged_by_templates(local: Run) -> None:
    for worker in _workers(local).values():
        values = {"home": "/wrong", "data": "/wrong", "run": "/wrong"}
        manifest = json.loads(render(worker.inputs["files"]["projections.json"], values))
        assert [each["program"] for each in manifest["projections"]] == [COUNTING]


def test_what_a_program_reads_reaches_its_worker(local: Run) -> None:
    read = {
        name: json.loads(worker.inputs["files"]["projections.json"])["projections"][0]["fields"]
        for name, worker in _workers(local).items()
    }
    assert read == dict(zip(_WORKERS, (["aggregate_id"], [], []), strict=True))


def test_addresses_are_exported_by_view_and_shard(local: Run) -> None:
    assert local.outputs["endpoints"]["projections"] == {
        "urls": {
            "carriers": {"all": "http://127.0.0.1:20318"},
            "day_board": {"newark": "http://127.0.0.1:20155", "rest": "http://127.0.0.1:20487"},
        }
    }
    assert local.outputs["credentials"]["projections"] == {"key": "secret-of-projections-key"}


def test_key_and_password_stand_in_no_plain_input(local: Run) -> None:
    for worker in _workers(local).values():
        assert "secret-of" not in json.dumps(worker.plain_inputs, default=str)
        assert "secret-of-projections-key" in json.dumps(worker.inputs, default=str)


def test_nothing_runs_where_nothing_is_declared() -> None:
    assert not _workers(local_stack.run())
    assert "projections" not in local_stack.run().outputs["endpoints"]
    assert PROJECTIONS.image not in images(_settings(cloud="kubernetes"))


def test_switched_off_they_stay_declared() -> None:
    assert not _workers(local_stack.run(**declared(components={"projections": False})))


def _names(spec: str | bytes) -> list[str]:
    names: list[str] = json.loads(spec)["listen"]["names"]
    return names


def test_a_worker_answers_to_the_names_that_its_clients_have(local: Run, cluster: Run) -> None:
    for worker in _workers(local).values():
        assert set(_names(worker.inputs["secretFiles"]["spec.json"])) == {"127.0.0.1", "{host}"}
    found = kubernetes_stack.objects(cluster)
    for name in _WORKERS:
        label = name.replace("_", "-")
        spec = b64decode(found[f"Secret/{label}-secrets"].inputs["data"]["spec.json"])
        assert _names(spec) == [f"{label}-0.{label}-peers.nebula-lab.svc", *[f"{label}.nebula-lab.svc"] * 2]


def test_a_worker_on_a_cluster_is_a_stateful_set_that_passes_pod_security(cluster: Run) -> None:
    found = kubernetes_stack.objects(cluster)
    for name in _WORKERS:
        pod = found[f"StatefulSet/{name}"].inputs["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
        assert f"/nebula/projections:{PROJECTIONS.version}-" in container["image"]
        assert f"PersistentVolumeClaim/{name}-data-0" in found


def test_on_a_cluster_workers_reach_nats_and_nothing_else(cluster: Run) -> None:
    found = kubernetes_stack.objects(cluster)
    policies = {key: each.inputs["spec"] for key, each in found.items() if key.startswith("NetworkPolicy/")}
    for name in _WORKERS:
        label = f'"{name.replace("_", "-")}"'
        own = {key: spec for key, spec in policies.items() if label in json.dumps(spec["podSelector"])}
        reached = json.dumps([spec["egress"] for spec in own.values() if spec.get("egress")])
        assert '"nats"' in reached
        assert not [each for each in ("postgres", "kafka", "trino", "redis") if f'"{each}"' in reached]


def test_the_image_is_listed_where_it_runs() -> None:
    assert PROJECTIONS.image in images(_settings(**declared(cloud="kubernetes")))


def test_nats_off_is_an_error_that_says_so() -> None:
    with pytest.raises(ValidationError, match="projections needs nats"):
        local_stack.run(**declared(components={"nats": False}))


_GOOD = declared()["projections"][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Carriers"}, "not a valid name"),
        ({"stream": "OTHER"}, "reads stream OTHER, which is not among streams"),
        ({"program_file": "a.star"}, "either program or program_file"),
        ({"program": None}, "either program or program_file"),
        ({"subjects": []}, "either subjects or shards"),
        ({"shards": [{"name": "a", "subjects": ["x"]}]}, "either subjects or shards"),
        ({"subjects": ["events..x"]}, r"subjects\[0\]: .*'events..x' is no subject"),
        ({"subjects": ["events.>", "a b"]}, r"subjects\[1\]: .* is no subject"),
        ({"subjects": ["events.>.x"]}, "is no subject"),
        ({"subjects": ["events.a*"]}, "is no subject"),
        ({"subjects": ["events." + "x" * 250]}, "255 characters and 16 names"),
        (
            {"subjects": ["events.a", "events.*"]},
            r"subjects\[1\]: events\.\* matches messages that events\.a",
        ),
        ({"subjects": ["other.>"]}, r"subjects\[0\]: other\.> matches no message that stream EVENTS keeps"),
        ({"tenant_token": 99}, r"projections\[0\]\.tenant_token: .*less than 16"),
        ({"tenant_token": 2, "subjects": ["events.*"]}, r"\.tenant_token: events\.\* has tokens 0 to 1"),
        (
            {"fields": ["payload", "payload.a"]},
            r"\.fields\[1\]: .*payload\.a is a part of payload,",
        ),
        ({"fields": ["a.b.c", "a.b"]}, r"\.fields\[0\]: .*a\.b\.c is a part of a\.b"),
        ({"port_index": 500}, r"projections\[0\]\.port_index"),
        ({"limits": {"view": 1 << 30}}, r"limits\.view"),
        ({"limits": {"memory": 1 << 50}}, r"limits\.memory"),
        ({"limits": {"gas": 1 << 70}}, r"limits\.gas"),
        ({"limits": {"seconds": math.inf}}, r"limits\.seconds"),
        (
            {"subjects": [], "port_index": 1, "shards": [{"name": "a", "subjects": ["events.a"]}]},
            "each shard has a port_index of its own",
        ),
        (
            {"subjects": [], "shards": [{"name": "a", "subjects": ["events.a"]}] * 2},
            r"shards\[1\]: shard a is declared twice",
        ),
        ({"programme": ""}, "did you mean program"),
        (
            {
                "subjects": [],
                "shards": [{"name": "a", "subjects": ["e.*.x"]}, {"name": "b", "subjects": ["e.a.>"]}],
            },
            "an event belongs to one shard",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_with_what_to_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        _settings(**declared(projections=[{**_GOOD, **changes}]))


def test_fields_that_only_begin_alike_are_taken() -> None:
    fields = ["payload.a", "payload.ab", "payload_x"]
    assert _settings(**declared(projections=[{**_GOOD, "fields": fields}])).projections[0].fields == fields


def test_a_view_is_declared_once() -> None:
    with pytest.raises(SettingsError, match="carriers is declared twice"):
        _settings(**declared(projections=[_GOOD, _GOOD]))


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ([{"name": "A", "subjects": ["x..y"]}], r"streams\[0\]\.subjects\[0\]: .*'x..y' is no subject"),
        ([{"name": "A", "subjects": ["a", "x y"]}], r"streams\[0\]\.subjects\[1\]: .* is no subject"),
        ([{"name": "A", "subjects": [""]}], "is no subject"),
        ([{"name": "A", "subjects": ["a\tb"]}], "is no subject"),
        ([{"name": "A", "subjects": ["a.", ".a"]}], "is no subject"),
        ([{"name": "A", "subjects": [">"]}], r"> reaches into \$JS\.>, which NATS keeps"),
        ([{"name": "A", "subjects": ["$SYS.a"]}], "which NATS keeps for itself"),
        (
            [{"name": "A", "subjects": ["a.>", "a.b"]}],
            r"subjects\[1\]: a\.b matches messages that it keeps by a\.>",
        ),
        (
            [{"name": "A", "subjects": ["a.*"]}, {"name": "B", "subjects": ["c", "a.b"]}],
            r"streams\[1\]\.subjects\[1\]: a\.b matches messages that stream A keeps by a\.\* already",
        ),
        (
            [{"name": "A", "subjects": ["a"]}, {"name": "A", "subjects": ["b"]}],
            r"streams\[1\]: stream A",
        ),
    ],
)
def test_streams_that_nats_would_refuse_are_refused(streams: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        _settings(streams=streams)


def test_streams_that_nats_takes_are_taken() -> None:
    subjects = [["a.b", "a.*.c", "é.>"], ["a.c", "$KV.x.>", "*"]]
    settings = _settings(streams=[{"name": f"S{n}", "subjects": each} for n, each in enumerate(subjects)])
    assert [stream.subjects for stream in settings.streams] == subjects


def test_a_program_comes_from_a_file_beside_the_stack_file(tmp_path: Path) -> None:
    given = {name: value for name, value in _GOOD.items() if name != "program"}
    settings = _settings(**declared(projections=[{**given, "program_file": "carriers.star"}]))
    file = StackFile(tmp_path / "Pulumi.mine.yaml")
    with pytest.raises(SettingsError, match=r"projections\[0\]\.program_file: cannot read .*carriers\.star"):
        read_workers(settings.projections, file)
    (tmp_path / "carriers.star").write_text(COUNTING, encoding="utf-8-sig")
    assert [view.program for view in read_workers(settings.projections, file)] == [COUNTING]


@pytest.mark.parametrize("name", ["../outside.star", "/etc/hostname", "link.star", "linked/outside.star"])
def test_a_program_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (tmp_path / "outside.star").write_text(COUNTING)
    (folder / "link.star").symlink_to(tmp_path / "outside.star")
    (folder / "linked").symlink_to(tmp_path)
    given = {each: value for each, value in _GOOD.items() if each != "program"}
    settings = _settings(**declared(projections=[{**given, "program_file": name}]))
    with pytest.raises(SettingsError, match=r"projections\[0\]\.program_file: .* which is outside of"):
        read_workers(settings.projections, StackFile(folder / "Pulumi.mine.yaml"))


def test_a_program_file_may_stand_in_a_folder_below_and_be_a_link_within(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "a.star").write_text(COUNTING)
    (tmp_path / "b.star").symlink_to("programs/a.star")
    given = {each: value for each, value in _GOOD.items() if each != "program"}
    for name in ("programs/a.star", "b.star"):
        settings = _settings(**declared(projections=[{**given, "program_file": name}]))
        (view,) = read_workers(settings.projections, StackFile(tmp_path / "Pulumi.mine.yaml"))
        assert view.program == COUNTING


@pytest.mark.parametrize("name", [COUNTING, "a" * 256, "é" * 128, "a\0b", "x/" * 3000])
def test_a_program_file_that_no_file_can_be_called_is_refused_with_where_to_put_a_text(
    tmp_path: Path, name: str
) -> None:
    given = {each: value for each, value in _GOOD.items() if each != "program"}
    good = _settings(**declared(projections=[{**given, "program_file": "a"}])).projections[0]
    file = StackFile(tmp_path / "Pulumi.mine.yaml")
    with pytest.raises(
        SettingsError, match=r"projections\[0\]\.program_file: cannot read .* by `program:`"
    ) as refused:
        read_workers([good.model_copy(update={"program_file": name})], file)
    assert len(str(refused.value)) < 1000


def test_a_program_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.star")
    given = {each: value for each, value in _GOOD.items() if each != "program"}
    for name in ("a.star", "."):
        settings = _settings(**declared(projections=[{**given, "program_file": name}]))
        with pytest.raises(SettingsError, match="is no file"):
            read_workers(settings.projections, StackFile(tmp_path / "Pulumi.mine.yaml"))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("def key(event):\n    return 'a'\n", r"no `def project\(view, event\)`"),
        ("def project(view, event):\n    return view\n", r"no `def key\(event\)`"),
        ("def key(event) return 1", "is not Starlark: error: Parse error.* program.star:1"),
        ('load("a", "key", "project")\n', "is not Starlark"),
        (
            "def outer():\n    def key(event):\n        pass\n    def project(v, e):\n        pass\n",
            "no `def key",
        ),
        (f'def outer():\n    """\n{COUNTING}    """\n', "no `def key"),
        (f"{COUNTING}\nkey = 5\n", "cannot be loaded|key is no function"),
        ("key = 5\nproject = lambda view, event: view\n", "key is no function"),
        ("def key():\n    return 'a'\nproject = lambda view, event: view\n", "key takes other arguments"),
        ("key = lambda event: 'a'\nproject = lambda view: view\n", "project takes other arguments"),
        ("key = lambda event: 'a'\nproject = lambda v, e, more: v\n", "project takes other arguments"),
        (f"{COUNTING}\nfail('no')\n", "cannot be loaded: error: fail: no --> program.star"),
        (COUNTING + "#" * (256 << 10), "larger than 256 KiB"),
        (COUNTING + "x = " + "[" * 201 + "]" * 201, "nests brackets more than 200 deep"),
        (COUNTING + "x = [0] * (1 << 30)\n", "ends the interpreter .* needs more than 1024 MiB"),
    ],
)
def test_a_program_that_is_none_is_refused_with_its_line(tmp_path: Path, program: str, message: str) -> None:
    path = tmp_path / "stacks" / "Pulumi.mine.yaml"
    path.parent.mkdir()
    path.write_text(
        "config:\n  nebula:platform:\n    projections:\n      - name: carriers\n        program: |\n"
    )
    settings = _settings(**declared(projections=[{**_GOOD, "program": program}]))
    with pytest.raises(SettingsError, match=message) as refused:
        read_workers(settings.projections, StackFile(path))
    assert "stacks/Pulumi.mine.yaml, line 5: nebula:platform.projections[0].program" in str(refused.value)


@pytest.mark.parametrize(
    "program",
    [
        'key = lambda event: event["aggregate_id"]\nproject = lambda view, event: {"at": f"{event}"}\n',
        'key, project = lambda e: e["aggregate_id"], lambda v, e: json.decode(e["text"])\n',
        "def made(of):\n    return lambda *rest: of\nkey = made('a')\nproject = made({})\n",
        "def one(x):\n    return x\ndef key(event):\n    return one()\nproject = lambda view, event: view\n",
        COUNTING + "x = " + "[" * 200 + "]" * 200,
        "def key(event):\n    for _ in range(1 << 30):\n        pass\nproject = lambda view, event: view\n",
    ],
)
def test_a_program_with_functions_of_events_is_taken_however_they_are_made(program: str) -> None:
    settings = _settings(**declared(projections=[{**_GOOD, "program": program}]))
    assert [view.program for view in read_workers(settings.projections, _NOWHERE)] == [program]


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.c", False),
        ("a.*", "*.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("a.*.c", "a.b.>", True),
        ("a.*.c", "b.>", False),
    ],
)
def test_filters_overlap_where_some_subject_matches_both(one: str, other: str, both: bool) -> None:
    assert overlap(one, other) is both
    assert overlap(other, one) is both
