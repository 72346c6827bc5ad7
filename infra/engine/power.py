"""Starts the stopped servers of a cloud before `up`, where its provider cannot, and refreshes their state."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from infra.engine import stacks
from infra.engine.console import say
from infra.engine.errors import EngineError
from infra.engine.session import Session
from providers.power import Power, PowerError


def settle(session: Session) -> None:
    """Refreshes the state of the servers that parking stops, as the cloud may have started them, and starts
    those that should run by the stack file. Raises EngineError when a server could not be asked or
    started."""
    if session.is_local:
        return
    from infra.cloud import power_of

    platform = stacks.platform(session.checkout, session.stack)
    if (power := power_of(platform)) is None or not (servers := _servers(session, power)):
        return
    _refresh(session, servers)
    if platform.get("power") != "parked":
        _start(session, power)


def _start(session: Session, power: Power) -> None:
    resting = [each for each in _servers(session, power) if each["outputs"].get("state") != power.running]
    for each in resting:
        identifier = str(each["outputs"]["identifier"])
        say(f"Starting {identifier}, which was stopped: this takes some minutes.")
        try:
            power.start(identifier)
        except PowerError as error:
            raise EngineError(f"{error} Nothing else was changed. Run `make up` again.") from error
    if resting:
        _refresh(session, resting)


def _servers(session: Session, power: Power) -> Sequence[Mapping[str, Any]]:
    exported = json.loads(session.ask("stack", "export", "--stack", session.stack))
    every = (exported.get("deployment") or {}).get("resources") or []
    return [each for each in every if each["type"] == power.type and each.get("outputs")]


def _refresh(session: Session, servers: Sequence[Mapping[str, Any]]) -> None:
    targets = [argument for each in servers for argument in ("--target", str(each["urn"]))]
    session.ask("refresh", "--yes", "--skip-preview", "--stack", session.stack, *targets)
