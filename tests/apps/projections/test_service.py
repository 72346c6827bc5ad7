"""The service as its users run it: real processes, a real NATS server, HTTP."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.apps.projections import ledger
from tests.apps.projections.nats_server import NatsServer
from tests.apps.projections.running import REPOSITORY, TENANTS, Running
from tests.providers.local.plugin.client import until


def _events(first: int, count: int) -> list[tuple[str, bytes]]:
    made = []
    for number in range(first, first + count):
        tenant = TENANTS[number % 2]
        value = -1 if number % 97 == 0 else number % 1000
        data = ledger.event(tenant, f"account/{number % 20}", value, correlation_id=f"c-{number}")
        made.append((f"events.{tenant}.booked", data))
    return made


def _folded(running: Running, last: int) -> bool:
    return int(running.ask(TENANTS[0])["sequence"]) >= last


def test_views_are_those_of_a_plain_fold_however_the_service_ends(
    tmp_path: Path, nats: NatsServer, running: Running
) -> None:
    last = nats.publish(_events(1, 3000))
    until(lambda: int(running.ask("ewr")["sequence"]) > 0)
    running.kill()
    running.start()
    last = nats.publish(_events(3001, 2000))
    worker = running.worker()
    worker.kill()
    assert running.process is not None
    assert running.process.wait(60) != 0
    running.start()
    until(lambda: _folded(running, last))
    expected, poisoned = ledger.fold(nats.messages("EVENTS"))
    assert running.views() == expected
    listed = [
        json.loads(line) for line in running.command("quarantine", "list", str(running.spec)).splitlines()
    ]
    assert [each["sequence"] for each in listed] == poisoned
    assert {each["kind"] for each in listed} == {"program"}
    (status,) = [json.loads(line) for line in running.command("status", str(running.spec)).splitlines()]
    assert (status["sequence"], status["stream_ends_at"], status["events"]) == (last, last, 5000)
    assert status["quarantine"] == len(poisoned)


def test_a_service_answers_to_its_own_names_alone(running: Running) -> None:
    def answered(host: str) -> int:
        headers = {"Host": f"{host}:{running.port}"}
        return requests.get(f"http://127.0.0.1:{running.port}/live", headers=headers, timeout=10).status_code

    assert answered("worker.lab.svc") == 200
    assert answered("worker.example.com") == 421


def test_no_process_is_left_by_a_service_that_is_killed(running: Running) -> None:
    assert running.process is not None
    below = psutil.Process(running.process.pid).children(recursive=True)
    assert below
    running.kill()
    until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in below))


def test_on_sigterm_ready_turns_false_and_the_batch_in_hand_is_finished(
    nats: NatsServer, running: Running
) -> None:
    last = nats.publish(_events(1, 500))
    until(lambda: _folded(running, last))
    worker = running.worker()
    assert running.process is not None
    worker.send_signal(signal.SIGSTOP)
    running.process.send_signal(signal.SIGTERM)
    until(lambda: running.status("/ready") == 503)
    assert len(running.views()) > 0
    worker.send_signal(signal.SIGCONT)
    assert running.process.wait(60) == 0
    assert not worker.is_running()
    assert "draining" in running.log


def test_readiness_fails_while_nats_is_away_and_views_are_still_answered(
    nats: NatsServer, running: Running
) -> None:
    last = nats.publish(_events(1, 100))
    until(lambda: _folded(running, last))
    before = running.views()
    nats.kill()
    until(lambda: running.status("/ready") == 503)
    assert (running.status("/health"), running.status("/live")) == (200, 200)
    assert running.views() == before
    nats.start()
    until(lambda: running.status("/ready") == 200)


def test_metrics_count_what_was_folded_and_quarantined(nats: NatsServer, running: Running) -> None:
    last = nats.publish(_events(1, 200))
    until(lambda: _folded(running, last))

    def values() -> dict[str, float]:
        text = requests.get(f"http://127.0.0.1:{running.port}/metrics", timeout=10).text
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name.partition("{")[0]: float(value) for name, _, value in lines}

    until(lambda: values()["projections_events_total"] == 200)
    found = values()
    assert found["projections_quarantined_total"] == found["projections_quarantine"] == 2
    until(lambda: values()["projections_lag"] == 0)
    assert found["projections_sequence"] == last


def test_metrics_say_how_far_the_views_are_as_status_does_whatever_the_worker_reaches(
    nats: NatsServer, running: Running
) -> None:
    def said() -> tuple[int, int]:
        text = requests.get(f"http://127.0.0.1:{running.port}/metrics", timeout=10).text
        values = {line.partition("{")[0]: line.rpartition(" ")[2] for line in text.splitlines()}
        return int(float(values["projections_sequence"])), int(float(values["projections_quarantine"]))

    last = nats.publish(_events(1, 200))
    until(lambda: _folded(running, last))
    (consumer,) = nats.consumers("EVENTS")
    nats.ask(f"CONSUMER.DELETE.EVENTS.{consumer}")
    until(lambda: "Consumer Deleted" in running.log)
    assert said() == (200, 2)
    assert running.process is not None
    running.process.terminate()
    assert running.process.wait(60) == 0
    nats.kill()
    running.start(ready=False)
    until(lambda: running.status("/live") == 200)
    until(lambda: "NATS" in running.wrong("/ready"))
    (status,) = [json.loads(line) for line in running.command("status", str(running.spec)).splitlines()]
    assert said() == (status["sequence"], status["quarantine"]) == (200, 2)


def test_what_is_quarantined_is_logged_with_tenant_correlation_and_trace(
    nats: NatsServer, running: Running
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    more = {"correlation_id": "c-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    last = nats.publish([("events.ewr.booked", ledger.event("ewr", "a", -1, **more))])
    until(lambda: _folded(running, last))
    until(lambda: "quarantined" in running.log)
    entries = [json.loads(line) for line in running.log.splitlines()]
    (entry,) = [each for each in entries if "quarantined" in each["message"]]
    assert (entry["tenant_id"], entry["correlation_id"], entry["trace_id"]) == ("ewr", "c-1", trace)
    assert (entry["view"], entry["shard"]) == (ledger.VIEW, "all")


def _again(running: Running, tmp_path: Path, nats: NatsServer, **changes: Any) -> Running:
    """The same service after SIGTERM, with another manifest."""
    assert running.process is not None
    running.process.terminate()
    assert running.process.wait(60) == 0
    return Running(tmp_path, nats, **changes).start()


_COSTLY = ledger.PROGRAM.replace(
    "    if value < 0:", "    for _ in range(value):\n        pass\n    if value < 0:"
)


def test_a_replay_applies_what_was_quarantined_when_its_cause_is_gone(
    tmp_path: Path, nats: NatsServer
) -> None:
    narrow = Running(tmp_path, nats, program=_COSTLY, limits={"gas": 20}).start()
    wide = None
    try:
        values = (1, 500_000, 2)
        last = nats.publish([("events.ewr.booked", ledger.event("ewr", "a", value)) for value in values])
        until(lambda: _folded(narrow, last))
        assert narrow.ask("ewr")["views"][0]["view"]["events"] == 2
        failed = subprocess.run(
            [sys.executable, "-m", "apps.projections", "quarantine", "replay", str(narrow.spec)],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert failed.returncode == 1
        assert "still in quarantine 1: [2]" in failed.stdout
        wide = _again(narrow, tmp_path, nats, program=_COSTLY, limits={"gas": 20_000})
        assert "applied 1: [2]" in wide.command("quarantine", "replay", str(wide.spec))
        assert wide.command("quarantine", "list", str(wide.spec)) == ""
        assert wide.ask("ewr")["views"][0]["view"]["events"] == 3
        last = nats.publish([("events.ewr.booked", ledger.event("ewr", "a", 3))])
        until(lambda: _folded(wide, last))
        assert wide.ask("ewr")["views"][0]["view"]["events"] == 4
    finally:
        for service in (narrow, wide):
            if service is not None:
                service.kill()


def test_a_mended_program_fills_views_of_its_own_and_answers_when_they_are_done(
    tmp_path: Path, nats: NatsServer, running: Running
) -> None:
    last = nats.publish([("events.ewr.booked", ledger.event("ewr", "a", value)) for value in (1, -5, 2)])
    until(lambda: _folded(running, last))
    assert running.ask("ewr")["views"][0]["view"]["events"] == 2
    mended = ledger.PROGRAM.replace("if value < 0:", "if value < -9:")
    fixed = _again(running, tmp_path, nats, program=mended)
    try:
        until(lambda: fixed.ask("ewr")["views"][0]["view"]["events"] == 3)
        (status,) = [json.loads(line) for line in fixed.command("status", str(fixed.spec)).splitlines()]
        assert (status["generation"], status["generations"], status["quarantine"]) == (2, [1, 2], 0)
        fixed.command("cut-over", str(fixed.spec), "1")
        until(lambda: fixed.ask("ewr")["views"][0]["view"]["events"] == 2)
    finally:
        fixed.kill()


def test_a_rebuild_by_command_line_leaves_the_same_views(nats: NatsServer, running: Running) -> None:
    last = nats.publish(_events(1, 300))
    until(lambda: _folded(running, last))
    before = running.views()
    assert "generation 2" in running.command("rebuild", str(running.spec))
    until(lambda: '"generation": 2' in running.command("status", str(running.spec)))
    until(lambda: _folded(running, last))
    assert running.views() == before
    running.command("retire", str(running.spec), "1")
    assert '"generations": [2]' in running.command("status", str(running.spec))
    until(lambda: nats.consumers("EVENTS") == [f"{ledger.VIEW}-all-2"])


def test_a_generation_retired_while_nothing_runs_leaves_no_consumer_unless_nats_is_away(
    nats: NatsServer, running: Running
) -> None:
    running.command("rebuild", str(running.spec))
    running.command("rebuild", str(running.spec))
    until(lambda: '"generation": 3' in running.command("status", str(running.spec)))
    until(lambda: len(nats.consumers("EVENTS")) == 3)
    assert running.process is not None
    running.process.terminate()
    assert running.process.wait(60) == 0
    running.command("retire", str(running.spec), "1")
    assert nats.consumers("EVENTS") == [f"{ledger.VIEW}-all-{number}" for number in (2, 3)]
    nats.kill()
    running.command("retire", str(running.spec), "2")
    assert '"generations": [3]' in running.command("status", str(running.spec))


def test_a_wrong_program_keeps_the_service_from_starting(tmp_path: Path, nats: NatsServer) -> None:
    service = Running(tmp_path, nats, program="def key(event) return 1")
    failed = subprocess.run(
        [sys.executable, "-m", "apps.projections", "serve", str(service.spec)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert failed.returncode == 2
    assert "projection ledger: the program cannot be loaded" in failed.stderr
