"""Programs that mean harm, or events that do: each is stopped, and the next event is folded."""

import json
from collections.abc import Iterator

import pytest

from apps.projections.envelope import PoisonError
from apps.projections.errors import ProgramError
from apps.projections.sandbox.limits import Limits
from apps.projections.sandbox.process import Sandbox

LIMITS = Limits(gas=200, memory=128, seconds=2.0, view=1000)
KEY = 'def key(event):\n    return "k"\n'
GOOD = b'{"n": 1}'


def lookup(keys: list[str | None]) -> tuple[list[int], list[bytes | None]]:
    known = list(dict.fromkeys(key for key in keys if key is not None))
    return [-1 if key is None else known.index(key) for key in keys], [None] * len(known)


def project(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{KEY}def project(view, event):\n    if event == {{'n': 1}}:\n        return event\n{lines}\n"


@pytest.fixture
def started() -> Iterator[list[Sandbox]]:
    sandboxes: list[Sandbox] = []
    yield sandboxes
    for sandbox in sandboxes:
        sandbox.close()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("for i in range(1000000000):\n    pass", "gas"),
        ("return project(view, {'n': 2})", "program"),
        ("return {'a': [1] * 1000000000}", "memory"),
        ("a = [1]\nfor i in range(60):\n    a = a + a\nreturn {}", "memory"),
        ("a = 'x'\nfor i in range(60):\n    a = a + a\nreturn {}", "memory"),
        ("return {'a': 1 << 1000000000}", "program"),
        ("return {'a': 1 << 70}", "program"),
        ("return {'a': (1, 2)}", "program"),
        ("return {'a': project}", "program"),
        ("return [1]", "program"),
        ("return {'a': 'x' * 2000}", "size"),
        ("return event['missing']", "program"),
        ("fail('no')", "program"),
    ],
)
def test_a_program_that_goes_too_far_is_stopped(started: list[Sandbox], body: str, kind: str) -> None:
    sandbox = Sandbox(project(body), LIMITS)
    started.append(sandbox)
    with pytest.raises(PoisonError) as stopped:
        sandbox.apply([b'{"n": 2}'], lookup)
    assert stopped.value.kind == kind, stopped.value
    assert sandbox.apply([GOOD], lookup) == [b'{"n":1}']


@pytest.mark.parametrize(
    "data",
    [b'{"n": "\xff"}', b'{"n": 1e400}', b"[" * 100_000, b'{"n": 2}, {"n": 3}', b"", b'{"n": NaN}'],
    ids=["invalid UTF-8", "1e400", "deep nesting", "two values", "nothing", "NaN"],
)
def test_an_event_that_is_not_json_is_stopped(started: list[Sandbox], data: bytes) -> None:
    sandbox = Sandbox(project("return event"), LIMITS)
    started.append(sandbox)
    with pytest.raises(PoisonError) as stopped:
        sandbox.apply([data], lookup)
    assert stopped.value.kind == "decode", stopped.value
    assert sandbox.apply([GOOD], lookup) == [b'{"n":1}']


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"n": 100000000000000000001}', r"beyond 64 bits: 100000000000000000001 \(21 digits\)"),
        (b'{"n": -9223372036854775809}', "beyond 64 bits"),
        (b'{"n": {"m": [1, ' + b"9" * 5000 + b"]}}", r"\(5000 digits\)"),
        (b'{"n": "\\ud800"}', "half of a surrogate pair"),
        (b'{"n": "\\ud800\\u0041"}', "half of a surrogate pair"),
    ],
)
def test_an_event_that_cannot_be_kept_exactly_is_stopped_with_the_reason(
    started: list[Sandbox], data: bytes, why: str
) -> None:
    sandbox = Sandbox(project("return event"), LIMITS)
    started.append(sandbox)
    with pytest.raises(PoisonError, match=why) as stopped:
        sandbox.apply([data], lookup)
    assert stopped.value.kind == "decode"
    assert sandbox.apply([GOOD], lookup) == [b'{"n":1}']


@pytest.mark.parametrize("number", [-(1 << 63), -1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_integers_of_64_bits_are_kept_exactly(started: list[Sandbox], number: int) -> None:
    sandbox = Sandbox(project("return {'is': event['n'], 'text': str(event['n'])}"), LIMITS)
    started.append(sandbox)
    expected = f'{{"is":{number},"text":"{number}"}}'.encode()
    assert sandbox.apply([f'{{"n":{number}}}'.encode()], lookup) == [expected]


@pytest.mark.parametrize("body", ["return {'a': int('9' * 400)}", "return {'a': [int('-' + '9' * 5000)]}"])
def test_a_view_with_an_integer_beyond_64_bits_is_not_kept(started: list[Sandbox], body: str) -> None:
    sandbox = Sandbox(project(body), Limits(view=10_000))
    started.append(sandbox)
    with pytest.raises(PoisonError, match="the view holds an integer beyond 64 bits") as stopped:
        sandbox.apply([b'{"n": 2}'], lookup)
    assert stopped.value.kind == "program"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import os\n", "import"),
        ('load("os", "system")\n', "load"),
        (project("open('/etc/passwd')"), "open"),
        (project("lookup('[]')"), "lookup"),
        (project("return {'now': time.now()}"), "time"),
        (project("return {'any': random()}"), "random"),
        (project("print('x')"), "print"),
        (KEY, "project"),
        ("x = [i for i in range(1000000000)]\n", "cancelled"),
        ("def key(", "arse error"),
    ],
)
def test_a_program_that_reaches_outside_is_not_loaded(started: list[Sandbox], text: str, why: str) -> None:
    sandbox = Sandbox(text, LIMITS)
    started.append(sandbox)
    with pytest.raises(ProgramError, match=why):
        sandbox.load()


def test_a_single_step_that_takes_long_is_ended_by_the_clock(started: list[Sandbox]) -> None:
    body = "a = list(range(100000))\nfor i in range(10000):\n    sorted(a, key=lambda x: -x)\nreturn {}"
    sandbox = Sandbox(project(body), Limits(gas=10**9, memory=4096, seconds=1.0))
    started.append(sandbox)
    with pytest.raises(PoisonError) as stopped:
        sandbox.apply([b'{"n": 2}'], lookup)
    assert stopped.value.kind == "time"


def test_gas_is_the_same_at_every_run(started: list[Sandbox]) -> None:
    """The least gas with which an event passes does not depend on the process, or on what came before."""

    def least(sandbox_of: dict[int, Sandbox]) -> int:
        for gas, sandbox in sandbox_of.items():
            try:
                sandbox.apply([b'{"n": 2}'], lookup)
            except PoisonError:
                continue
            return gas
        raise AssertionError("no amount was enough")

    text = project("a = 0\nfor i in range(20000):\n    a += i\nreturn {'a': a}")
    sandboxes = {gas: Sandbox(text, Limits(gas=gas, memory=128)) for gas in range(16, 26)}
    started.extend(sandboxes.values())
    assert least(sandboxes) == least(sandboxes) == least(dict(sandboxes))
    assert least(sandboxes) > 16


def test_no_state_is_left_from_one_fold_to_the_next(started: list[Sandbox]) -> None:
    text = "seen = []\n" + project("seen.append(1)\nreturn {'seen': len(seen)}")
    sandbox = Sandbox(text, LIMITS)
    started.append(sandbox)
    with pytest.raises(PoisonError, match=r"frozen|Immutable"):
        sandbox.apply([b'{"n": 2}'], lookup)


def test_keys_of_a_view_stand_in_one_order_however_it_came_to_be(started: list[Sandbox]) -> None:
    sandbox = Sandbox(
        KEY + "def project(view, event):\n    return {'z': 1, 'a': {'é': 2, 'b': 1.0}}\n", LIMITS
    )
    started.append(sandbox)
    assert sandbox.apply([GOOD], lookup) == ['{"a":{"b":1.0,"é":2},"z":1}'.encode()]


def test_an_event_is_skipped_when_the_program_names_no_view(started: list[Sandbox]) -> None:
    sandbox = Sandbox(
        "def key(event):\n    return event['k']\ndef project(view, event):\n    return event\n", LIMITS
    )
    started.append(sandbox)
    events = [json.dumps({"k": key}).encode() for key in ("a", None, "b")]
    assert sandbox.apply(events, lookup) == [b'{"k":"a"}', b'{"k":"b"}']


@pytest.mark.parametrize("key", ["5", "[1]", "{}"])
def test_a_key_that_is_no_text_is_refused(started: list[Sandbox], key: str) -> None:
    sandbox = Sandbox(f"def key(event):\n    return {key}\n" + project("").replace(KEY, ""), LIMITS)
    started.append(sandbox)
    with pytest.raises(PoisonError, match="must return a text"):
        sandbox.apply([GOOD], lookup)
