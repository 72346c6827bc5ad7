"""Turns declared projections into the views that workers run; it reads and checks the text of each
program."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.projections import Shard, View
from infra.program_trial import problem
from infra.projection_settings import ProjectionSettings, port_indexes
from infra.stack_file import SettingsError, StackFile

_SHOWN = 200


def read_workers(projections: Sequence[ProjectionSettings], stack_file: StackFile) -> tuple[View, ...]:
    """Returns the view of each projection. Raises SettingsError for a program that cannot be read or
    loaded."""
    indexes = port_indexes(projections)
    return tuple(_view(number, each, indexes, stack_file) for number, each in enumerate(projections))


def _view(
    number: int,
    projection: ProjectionSettings,
    indexes: Mapping[tuple[str, str], int],
    stack_file: StackFile,
) -> View:
    return View(
        name=projection.name,
        stream=projection.stream,
        shards=tuple(
            Shard(part.name, tuple(part.subjects), indexes[projection.name, part.name])
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
    if wrong := problem(text):
        raise SettingsError(f'{where}: {wrong} (docs/projections.md, "A program")')
    return text


def _read(name: str, folder: Path, where: str) -> str:
    """Returns the text of the file `name` in `folder`. Raises SettingsError for a file that links lead
    out of the folder: no other file of the machine becomes a program."""
    try:
        if "\n" in name or "\0" in name:
            raise ValueError("it has line breaks or NUL, as no name of a file")
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise SettingsError(
                f"{where}: {name} leads to {path}, which is outside of {folder.resolve()}: keep programs "
                "beside the stack file"
            )
        if path.exists() and not path.is_file():
            raise SettingsError(f"{where}: {path} is no file")
        # Some editors begin a file with a byte order mark.
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"{where}: cannot read {name[:_SHOWN]!r}: {why}: name a file beside the stack file, or give the "
            "program's text by `program:`"
        ) from error
