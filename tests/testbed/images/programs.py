"""Images of the testbed's own programs. Each contains one static binary and nothing else."""

from pathlib import Path

from tests.testbed.images.layers import Program, make
from tests.testbed.images.software import MIRROR, Image, ImageConfig

PAUSE = f"{MIRROR}/testbed/pause:1"
COREDNS = f"{MIRROR}/testbed/coredns:1"
_UNPRIVILEGED = "65532"


def images(binaries: Path, cache: Path) -> list[Image]:
    """Return the images of the programs in `binaries`, a directory that is named by the digest of their
    sources."""
    return [_image(binaries / Path(name).name.partition(":")[0], name, cache) for name in (PAUSE, COREDNS)]


def _image(program: Path, reference: str, cache: Path) -> Image:
    layer = make([Program(program, f"/{program.name}", str(program))], cache)
    return Image(reference, (layer,), ImageConfig(user=_UNPRIVILEGED, entrypoint=(f"/{program.name}",)))
