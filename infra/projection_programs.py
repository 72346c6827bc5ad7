"""From declared projections to what their workers run: the text of programs is read here."""

from collections.abc import Mapping, Sequence

from components.projections import Shard, View
from infra.projection_settings import ProjectionSettings, places
from infra.settings import SettingsError
from infra.stack_file import StackFile


def read_workers(projections: Sequence[ProjectionSettings], stack_file: StackFile) -> tuple[View, ...]:
    """Raises SettingsError for a program that cannot be read."""
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
    if projection.program_file is None:
        return projection.program or ""
    path = stack_file.path.parent / projection.program_file
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        where = stack_file.where(("projections", number, "program_file"))
        raise SettingsError(f"{where}: cannot read {path}: {error}") from error
