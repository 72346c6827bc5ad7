"""Renders the report as one Markdown document, which becomes one comment on a pull request."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from infra.costs import Estimate, estimate, from_events
from infra.plugins.substitution import PROVES_LESS
from infra.previews.capacity import Capacity, capacity
from infra.previews.difference import Change, Kind, differences
from infra.previews.preview import Preview

MARKER = "<!-- nebula: previews of this pull request -->"
"""The hidden first line of the report, by which the comment is found and edited instead of repeated."""
LIMIT = 60_000
"""The report's length in characters; a comment on GitHub may have 65,536."""
_SHOWN_CHANGES, _SHOWN_PATHS = 60, 4
_SIGNS: Mapping[Kind, str] = {"added": "+", "changed": "~", "removed": "-"}


Rule = tuple[str, str]
"""The name of a policy, and its level in the stack (mandatory or advisory)."""


@dataclass(frozen=True)
class Report:
    """One stack: its preview in the working tree, and its preview at the base, which is None when the base
    lacks the stack. `compared` is False for a report without a base."""

    head: Preview
    base: Preview | None
    compared: bool = True

    @property
    def failed(self) -> bool:
        """True when the preview of the working tree failed or violates a mandatory policy."""
        return self.head.code != 0

    @property
    def changes(self) -> list[Change]:
        """The resources that differ from the base."""
        return differences(self._at_base.resources if self._at_base else {}, self.head.resources)

    @property
    def cost(self) -> tuple[Estimate, Estimate | None]:
        """The monthly cost now, and at the base if it could be previewed."""
        before = self._at_base
        return estimate(from_events(self.head.log)), estimate(from_events(before.log)) if before else None

    @property
    def capacity(self) -> tuple[Capacity, Capacity | None]:
        """The capacity that servers request now, and at the base if it could be previewed."""
        before = self._at_base
        now = capacity(self.head.resources.values())
        return now, capacity(before.resources.values()) if before else None

    @property
    def violations(self) -> tuple[Counter[Rule], Counter[Rule] | None]:
        """The number of violations of each rule now, and at the base if it could be previewed."""
        before = self._at_base
        return _by_rule(self.head), _by_rule(before) if before else None

    @property
    def _at_base(self) -> Preview | None:
        """The base's preview, or None when it failed as well: a part of a stack cannot be compared with."""
        return None if self.base is None or self.base.errors else self.base


def document(
    reports: Sequence[Report], base: str, removed: Sequence[str] = (), *, real_plugins: bool = False
) -> str:
    """Returns the report in Markdown, at most LIMIT characters and a line for each stack whose details were
    left out.

    `base` names the commit that `reports` compare with, and `removed` are the stacks that only the base has.
    `real_plugins` says that no stand-ins were used; the report says what they leave unproved.
    """
    lines = [MARKER, f"## What this changes, stack by stack, against `{base}`", ""]
    lines += ["| stack | resources | policies | monthly | cores | memory |", "|---|---|---|---|---|---|"]
    lines += [_row(report) for report in reports]
    lines += [f"| **{stack}** | removed | – | – | – | – |" for stack in removed]
    lines += [
        "",
        "Each stack is previewed from nothing; in brackets, what differs from the base. Both are judged by "
        "the policies of this change. Cost: list prices, without what is billed by use. Cores and memory: "
        "what servers request." + ("" if real_plugins else f" {PROVES_LESS}."),
        "",
        "",
    ]
    text = "\n".join(lines)
    for report in reports:
        details = "\n".join(_details(report))
        if len(text) + len(details) > LIMIT:
            details = f"{report.head.stack}: its details do not fit into a comment.\n"
        text += details + "\n"
    return text


def _row(report: Report) -> str:
    name = report.head.stack
    if report.head.errors:
        return f"| **{name}** | preview failed | – | – | – | – |"
    now, before = report.cost
    size, size_before = report.capacity
    cells = [
        f"**{name}**",
        f"{len(report.head.resources)}{_counted(report)}",
        _verdict(report),
        "–" if now.empty else f"{now.total:,.2f} USD{_moved(now.total, before.total if before else None)}",
        f"{size.cores:.2f}{_moved(size.cores, size_before.cores if size_before else None)}"
        if size.cores
        else "–",
        f"{_gibibytes(size.memory)} GiB"
        + _moved(size.memory / 2**30, size_before.memory / 2**30 if size_before else None),
    ]
    return f"| {' | '.join(cells)} |"


def _counted(report: Report) -> str:
    if report.base is None:
        return " (new)" if report.compared else ""
    if report.base.errors:
        return " (no preview of the base)"
    counts = Counter(change.kind for change in report.changes)
    if not counts:
        return ""
    return f" ({', '.join(f'{sign}{counts[kind]}' for kind, sign in _SIGNS.items() if counts[kind])})"


def _verdict(report: Report) -> str:
    now, before = report.violations
    said = []
    for level, word in (("mandatory", "violated"), ("advisory", "advised")):
        count, then = _at(level, now), None if before is None else _at(level, before)
        if count or then:
            said.append(f"{count} {word}{_more(count, then)}")
    return f"{'❌' if report.head.mandatory else '✅'} {', '.join(said)}".strip()


def _by_rule(found: Preview) -> Counter[Rule]:
    return Counter((each.rule, each.level) for each in found.violations)


def _at(level: str, found: Counter[Rule]) -> int:
    return sum(count for (_, each), count in found.items() if each == level)


def _more(now: int, before: int | None) -> str:
    return "" if before is None or now == before else f" ({now - before:+})"


def _moved(now: Decimal, before: Decimal | None) -> str:
    if before is None or round(now, 2) == round(before, 2):
        return ""
    return f" ({now - before:+,.2f})"


def _gibibytes(memory: Decimal) -> str:
    return f"{memory / 2**30:.2f}"


def _details(report: Report) -> Iterator[str]:
    found = report.head
    compared = report.base is not None and not report.base.errors and not found.errors
    changes = report.changes if compared else []
    now, before = report.cost
    failed_before = report.base.errors if report.base else ()
    unmoved = now.total == (before.total if before else 0)
    if not (found.errors or failed_before or found.violations or changes) and unmoved:
        return
    yield f"<details><summary>{found.stack}</summary>"
    yield ""
    if found.errors:
        yield from _told(found.errors)
    if failed_before:
        yield from ("The base could not be previewed, and is not compared with:", "", *_told(failed_before))
    yield from _violations(report)
    yield from _changes(changes)
    if not now.empty and not found.errors:
        yield from _costs(now, before)
    yield "</details>"
    yield ""


def _told(errors: Sequence[str]) -> Iterator[str]:
    yield from ("```", _unfenced("\n".join(errors)[-3000:]), "```", "")


def _violations(report: Report) -> Iterator[str]:
    """Yields a table with one row for each rule: how often it is violated, and one violation."""
    found, (now, before) = report.head, report.violations
    if not now:
        return
    yield from ("| policy | level | violations | for example |", "|---|---|---:|---|")
    for rule, level in sorted(now, key=lambda each: (each[1] != "mandatory", each[0])):
        count = now[rule, level]
        moved = _more(count, None if before is None else before[rule, level])
        example = min(each.message for each in found.violations if (each.rule, each.level) == (rule, level))
        yield f"| `{rule}` | {level} | {count}{moved} | {_cell(example)} |"
    yield ""


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield "```diff"
    for change in changes[:_SHOWN_CHANGES]:
        paths = ", ".join(change.paths[:_SHOWN_PATHS])
        more = len(change.paths) - _SHOWN_PATHS
        rest = f", and {more} more" if more > 0 else ""
        what = f"{_SIGNS[change.kind]} {change.type} {change.name}"
        yield _unfenced(f"{what}: {paths}{rest}" if paths else what)
    if len(changes) > _SHOWN_CHANGES:
        yield f"  and {len(changes) - _SHOWN_CHANGES} more"
    yield from ("```", "")


def _costs(now: Estimate, before: Estimate | None) -> Iterator[str]:
    yield from ("| component | USD a month |", "|---|---:|")
    earlier = before.by_component if before else {}
    for component in dict.fromkeys((*now.by_component, *earlier)):
        amount = now.by_component.get(component, Decimal(0))
        moved = _moved(amount, earlier.get(component, Decimal(0)) if before else None)
        yield f"| {_cell(component)} | {amount:,.2f}{moved} |"
    yield ""
    if now.unpriced:
        counts = sorted(Counter(each.what for each in now.unpriced).items())
        told = [what if count == 1 else f"{what} ({count} resources)" for what, count in counts]
        yield f"Without a known price, not counted: {', '.join(told)}."
        yield ""
    if now.by_use:
        used = sorted({each.what for each in now.by_use})
        yield f"Billed by use, not counted: {', '.join(used)}."
    yield ""


def _cell(text: str) -> str:
    """Returns `text` for a table's cell, unable to end the cell, to be HTML or to notify a user of GitHub."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("@", "@\u200b")


def _unfenced(text: str) -> str:
    return text.replace("```", "'''")
