"""A user other than root uses a clone whose path has a space."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from infra.engine.installation import built_engine
from infra.stack_file import KEY
from providers.local.paths import cache_directory
from tests.e2e import light, machine
from tests.e2e.light import LIGHT
from tests.e2e.stack import ROOT

_USER = "nobody"
_VENV_OF = (
    "from components.software import PROVISIONER; from pathlib import Path; import sys; "
    "from providers.local.artifacts import apps, locked_parts; "
    "print(apps.venv_of(locked_parts(PROVISIONER)[0], Path(sys.argv[1])))"
)


@dataclass(frozen=True)
class Clone:
    """A checkout at `root`, and the home of the user who works in it. `account` is None for the current
    user."""

    root: Path
    home: Path
    account: str | None
    port_offset: int

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULUMI_", "NEBULA_", "PYTHON", "XDG_", "VIRTUAL_ENV"))
        }
        return kept | {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_STATE_HOME": str(self.home / "s"),
            "PIP_CACHE_DIR": str(self.home / "pip"),
        }

    @property
    def cache(self) -> Path:
        return self.home / "cache" / "nebula"

    @property
    def directory(self) -> Path:
        """Return the default directory of the local stack."""
        return self.home / "s" / "nebula" / "local"

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=self.account,
            group=pwd.getpwnam(self.account).pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def shell(self, script: str) -> str:
        outcome = self.run("sh", "-c", script)
        assert outcome.returncode == 0, outcome.stdout
        return outcome.stdout

    def give(self) -> None:
        """Change the owner of the clone and the home to its user."""
        if self.account is None:
            return
        entry = pwd.getpwnam(self.account)
        for top in (self.root, self.home):
            for folder, folders, files in os.walk(top):
                for name in (".", *folders, *files):
                    os.chown(os.path.join(folder, name), entry.pw_uid, entry.pw_gid, follow_symlinks=False)


@pytest.fixture(scope="module")
def clone(scratch_directory: Path, port_offset: int) -> Iterator[Clone]:
    account = _USER if os.geteuid() == 0 else None
    clone = Clone(scratch_directory / "my clone", scratch_directory / "home", account, port_offset)
    for path in (clone.root, clone.home):
        path.mkdir()
    copy_tracked(clone.root)
    write_settings(clone)
    clone.give()
    python = usable_python(clone)
    make_venv(python, clone.root / ".venv")
    (clone.root / ".venv" / "installed").touch()
    fill_cache(clone, python)
    clone.give()
    yield clone
    clone.run("make", "down")


def copy_tracked(target: Path) -> None:
    """Copy the files that a clone of this working tree would contain."""
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip(f"needs git, to know what a clone holds: {listing.stderr}")
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def write_settings(clone: Clone) -> None:
    platform = {"cloud": "local", **light.settings(*LIGHT), "local": {"port_offset": clone.port_offset}}
    path = clone.root / "stacks" / "Pulumi.local.yaml"
    path.write_text(yaml.safe_dump({"config": {KEY: platform}}, sort_keys=False))


def usable_python(clone: Clone) -> str:
    """Return a Python of this version that the user can run. Root's own may be in a closed home."""
    release = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = str(Path(sys.base_prefix) / "bin" / release)
    for python in (base, f"/usr/bin/{release}", f"/usr/local/bin/{release}"):
        try:
            if clone.run(python, "-m", "venv", "--help").returncode == 0:
                return python
        except (FileNotFoundError, PermissionError):
            continue
    pytest.skip(f"needs a {release} that {_USER} may run, with its venv module")


def make_venv(python: str, target: Path, site_packages: str = sysconfig.get_path("purelib")) -> None:
    """Make a venv with the packages that are installed in `site_packages`, without downloads."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(target)], check=True)
    (own,) = target.glob("lib/python*/site-packages")
    (own / "installed-elsewhere.pth").write_text(f"{site_packages}\n")


def fill_cache(clone: Clone, python: str) -> None:
    """Copy the engine and servers from this user's cache, and make the provisioner's venv with the clone's
    Python."""
    ours = cache_directory()
    (clone.cache / "software").mkdir(parents=True)
    (clone.cache / "engine").mkdir()
    engine = built_engine(ours).executable.parent.parent
    if engine.exists():
        (clone.cache / "engine" / engine.name).symlink_to(engine)
    for home in (ours / "software").iterdir():
        if home.is_dir() and not home.name.startswith((".", "provisioner-")):
            (clone.cache / "software" / home.name).symlink_to(home)
    clone.give()
    asked = clone.run(".venv/bin/python", "-c", _VENV_OF, str(clone.cache))
    assert asked.returncode == 0, asked.stdout
    venv = Path(asked.stdout.strip())
    venv.parent.mkdir()
    from components.software import PROVISIONER
    from providers.local.artifacts import apps, locked_parts

    make_venv(python, venv, str(packages_of(apps.venv_of(locked_parts(PROVISIONER)[0], ours))))
    (venv / ".complete").touch()


def packages_of(venv: Path) -> Path:
    found = list(venv.glob("lib/python*/site-packages"))
    if not found:
        pytest.skip(f"needs {venv}: run the other end-to-end tests first")
    return found[0]


def test_a_machine_without_java_is_told_before_anything_starts(clone: Clone) -> None:
    """With an empty cache, but for the engine."""
    empty = clone.home / "empty"
    (empty / "nebula").mkdir(parents=True)
    (empty / "nebula" / "engine").symlink_to(clone.cache / "engine")
    clone.give()
    refused = clone.run("make", "up", XDG_CACHE_HOME=str(empty), JAVA_HOME="/nowhere")
    shutil.rmtree(empty)
    assert refused.returncode != 0
    for part in ("Nothing was started", "/nowhere/bin/java does not run", "apt install default-jdk-headless"):
        assert part in refused.stdout
    assert not clone.directory.exists()


def test_the_whole_way_from_up_to_down(clone: Clone) -> None:
    up = clone.run("make", "up")
    assert up.returncode == 0, up.stdout
    assert "make status" in up.stdout
    assert machine.servers_of(clone.directory) == light.expected(*LIGHT)
    owners = {os.stat(f"/proc/{program.pid}").st_uid for program in machine.programs_of(clone.directory)}
    assert owners == {pwd.getpwnam(clone.account).pw_uid if clone.account else os.geteuid()}
    for name in LIGHT:
        assert name in clone.shell("make -s status")

    clone.shell('eval "$(make -s env)" && pulumi preview --stack local --expect-no-changes')
    shown = clone.shell("make -s outputs")
    assert '"credentials"' in shown

    down = clone.run("make", "down")
    assert down.returncode == 0, down.stdout
    assert machine.programs_of(clone.directory, files=True) == []
    assert machine.listening(light.ports(clone.port_offset)) == {}
    assert not (clone.home / "s").exists()
    assert sorted(path.name for path in clone.home.iterdir()) == ["cache"]


def test_the_user_is_not_root(clone: Clone) -> None:
    if clone.account is None:
        pytest.skip(f"we are {pwd.getpwuid(os.geteuid()).pw_name} already: there is no user to change to")
    assert clone.shell("id -un").strip() == clone.account
