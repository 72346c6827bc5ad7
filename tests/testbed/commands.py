"""The commands of `python -m tests.testbed`."""

import argparse
from pathlib import Path

from providers.local.artifacts import Progress
from tests.testbed import binaries, packages
from tests.testbed.control_plane import ControlPlane
from tests.testbed.errors import TestbedError
from tests.testbed.images import archive
from tests.testbed.testbed import Testbed


def run(options: argparse.Namespace, say: Progress) -> int:
    """Run the command that `options` name, and return the exit code."""
    if getattr(options, "api_only", False):
        return _api_only(options, say)
    testbed = Testbed(options.directory, options.cache)
    match options.action:
        case "build":
            packages.require_root()
            packages.install(say)
            say(f"programs: {binaries.build(binaries.PROGRAMS, options.cache, say)}")
            say(f"images: {len(testbed.images(say))}")
        case "up":
            testbed.up(say, options.names)
        case "down":
            testbed.down(say)
        case "images":
            for image in testbed.images(say, options.names):
                size = sum(layer.size for layer in image.layers)
                say(f"{image.reference}  {archive.digest_of(image)[:19]}  {size / 1e6:.0f} MB")
        case "kubeconfig":
            _print_kubeconfig(testbed.kubeconfig, say)
        case "status":
            return _status(testbed, say)
    return 0


def _status(testbed: Testbed, say: Progress) -> int:
    if testbed.running():
        say(f"up: {testbed.kubeconfig}")
        return 0
    left = testbed.left()
    for line in left:
        say(line)
    say("not up; this is left of one, remove it with: python -m tests.testbed down" if left else "not up")
    return 1 if left else 0


def _api_only(options: argparse.Namespace, say: Progress) -> int:
    directory = options.directory.with_name(f"{options.directory.name}-api")
    control_plane = ControlPlane(directory, cache=options.cache, detached=True)
    running = bool(control_plane.daemons.running("kube-apiserver")) and control_plane.kubeconfig.exists()
    match options.action:
        case "build":
            say(f"programs: {binaries.build(binaries.API_PROGRAMS, options.cache, say)}")
        case "up" if not running:
            control_plane.start()
            say(f"ready: {control_plane.kubeconfig}")
        case "up":
            say(f"the API server is up: {control_plane.kubeconfig}")
        case "down":
            control_plane.stop()
        case "kubeconfig":
            _print_kubeconfig(control_plane.kubeconfig, say)
        case "status":
            say(f"up: {control_plane.kubeconfig}" if running else "not up")
            return int(directory.exists() and not running)
    return 0


def _print_kubeconfig(path: Path, say: Progress) -> None:
    if not path.exists():
        raise TestbedError(f"The testbed is not up: there is no {path}. Run: python -m tests.testbed up")
    say(str(path))
