"""From declared projections to what their workers run: the text of programs is read here, and looked at."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import starlark

from components.projections import Shard, View
from infra.projection_settings import ProjectionSettings, places
from infra.settings import SettingsError
from infra.stack_file import StackFile


def read_workers(projections: Sequence[ProjectionSettings], stack_file: StackFile) -> tuple[View, ...]:
    """Raises SettingsError for a program that cannot be read, or is none."""
    place = places(projections)
    return tuple(_view(number, each, place, stack_file) for number, each in enumerate(projections))


def _view(
    number: int, projection: ProjectionSettings, place: Mapping[tuple[str, str], int], stack_file: StackFile
) -> View:
    return View(
        name=projection.name,
        stream=projection.stream,
        shards=tuple(
            Shard(part.name, tuple(part.subjects), place[projection.name, part.name])
            for part in projection.parts
        ),
        program=_program(number, projection, stack_file),
        tenant_token=projection.tenant_token,
        fields=tuple(projection.fields),
        limits={name: value for name, value in projection.limits if value is not None},
    )


def _program(number: int, projection: ProjectionSettings, stack_file: StackFile) -> str:
    given = "program" if projection.program_file is None else "program_file"
    where = stack_file.where(("projections", number, given))
    if projection.program_file is None:
        text = projection.program or ""
    else:
        text = _read(projection.program_file, stack_file.path.parent, where)
    _check(text, where)
    return text


def _read(name: str, folder: Path, where: str) -> str:
    """The file `name` in `folder`, wherever links lead: no other file of the machine's becomes a program."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise SettingsError(
            f"{where}: {name} leads to {path}, which is outside of {folder.resolve()}: keep programs beside "
            "the stack file"
        )
    if path.exists() and not path.is_file():
        raise SettingsError(f"{where}: {path} is no file")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{where}: cannot read {path}: {error}") from error


def _check(text: str, where: str) -> None:
    """What can be told without running it; whether it can be loaded, its worker's sandbox says."""
    dialect = starlark.Dialect.standard()
    dialect.enable_load = False
    dialect.enable_f_strings = True
    try:
        starlark.parse("program.star", text, dialect)
    except starlark.StarlarkError as error:
        said = [line.strip() for line in str(error).splitlines()]
        problem = " ".join(line for line in said if line.startswith(("error:", "-->"))) or said[0]
        raise SettingsError(f"{where}: the program is not Starlark: {problem}") from None
    for name, arguments in (("key", "event"), ("project", "view, event")):
        if re.search(rf"^(def\s+{name}\s*\(|{name}\s*=[^=])", text, re.MULTILINE) is None:
            raise SettingsError(
                f'{where}: the program has no `def {name}({arguments})` (docs/projections.md, "A program")'
            )
