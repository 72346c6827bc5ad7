"""Finds and removes the packet filter rules that Kubernetes makes."""

import itertools
import shlex
import shutil
import subprocess
from collections.abc import Iterator

from tests.testbed.errors import HostError

_COMMANDS = {"iptables": "ip", "ip6tables": "ip6"}
"""The commands, and the family of each in nft."""
POLICY_TABLE = "nebula-testbed"
"""The table of nftables, of family ip, in which the testbed's policies are enforced."""
_PREFIXES = ("KUBE-", "CNI-")


def rules() -> list[str]:
    """Return the rules and chains of Kubernetes, its network plugins and the testbed, as iptables-save prints
    them."""
    own = [f"nft: table ip {POLICY_TABLE}"] if f"ip {POLICY_TABLE}" in tables() else []
    return own + [
        f"{command} {table}: {line}"
        for command in _COMMANDS
        for table, line in _saved(command)
        if _is_ours(line)
    ]


def tables() -> set[str]:
    """Return the names of the nftables tables. iptables keeps its rules in some of them (`ip nat`)."""
    if shutil.which("nft") is None:
        return set()
    return {line.removeprefix("table ") for line in _run("nft", "list", "tables").splitlines()}


def clear(kept: set[str]) -> None:
    """Remove all rules of Kubernetes, and each table that is empty then and not in `kept`."""
    if f"ip {POLICY_TABLE}" in tables():
        _run("nft", "delete", "table", "ip", POLICY_TABLE)
    for command, family in _COMMANDS.items():
        saved = list(_saved(command))
        changes = "".join(_removal(table, saved) for table in dict.fromkeys(table for table, _ in saved))
        if changes:
            _run(f"{command}-restore", "--noflush", stdin=changes)
        used = {table for table, line in _saved(command) if not _is_builtin(line)}
        for table in {table for table, _ in saved} - used:
            if f"{family} {table}" in tables() - kept:
                _run("nft", "delete", "table", family, table)


def _removal(table: str, saved: list[tuple[str, str]]) -> str:
    """Return the input of iptables-restore that removes Kubernetes' chains: first the jumps to them, then
    their rules, then the chains."""
    lines = [line for owner, line in saved if owner == table and _is_ours(line)]
    chains = [line.split()[0][1:] for line in lines if line.startswith(":")]
    jumps = [f"-D{line[2:]}" for line in lines if line.startswith("-A") and line.split()[1] not in chains]
    steps = [*jumps, *(f"-F {chain}" for chain in chains), *(f"-X {chain}" for chain in chains)]
    return "\n".join([f"*{table}", *steps, "COMMIT", ""]) if steps else ""


def _is_ours(line: str) -> bool:
    words = shlex.split(line)
    if line.startswith(":"):
        return words[0][1:].startswith(_PREFIXES)
    return words[1].startswith(_PREFIXES) or any(
        word in ("-j", "-g") and following.startswith(_PREFIXES)
        for word, following in itertools.pairwise(words)
    )


def _is_builtin(line: str) -> bool:
    """Return whether the line declares one of the kernel's own chains, which have a policy."""
    return line.startswith(":") and line.split()[1] != "-"


def _saved(command: str) -> Iterator[tuple[str, str]]:
    """Yield the chains and rules, each with its table."""
    if shutil.which(f"{command}-save") is None:
        return
    table = ""
    for line in _run(f"{command}-save").splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith((":", "-A")):
            yield table, line


def _run(*argv: str, stdin: str = "") -> str:
    ended = subprocess.run(argv, input=stdin, capture_output=True, text=True)
    if ended.returncode:
        raise HostError(f"{' '.join(argv)} failed: {ended.stderr.strip()[-500:]}")
    return ended.stdout
