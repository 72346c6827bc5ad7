"""Writes an OCI image layout as one tar stream, for `ctr images import`."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from typing import IO, Any

from tests.testbed.images.software import Image

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_NAME = "io.containerd.image.name"


def manifest_of(image: Image) -> tuple[bytes, bytes]:
    """Return the manifest and the configuration of an image as JSON."""
    config = _encoded(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": image.config.user,
                "Env": [f"{name}={value}" for name, value in image.config.environment.items()],
                "WorkingDir": image.config.directory,
                "Entrypoint": list(image.config.entrypoint),
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in image.layers]},
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, **_descriptor(config)},
        "layers": [
            {"mediaType": _LAYER, "digest": f"sha256:{layer.digest}", "size": layer.size}
            for layer in image.layers
        ],
    }
    return _encoded(manifest), config


def digest_of(image: Image) -> str:
    """Return the digest by which a container runtime identifies the loaded image."""
    return str(_descriptor(manifest_of(image)[0])["digest"])


def write(images: Iterable[Image], stream: IO[bytes]) -> None:
    """Write `images` to `stream`. Each layer is written once."""
    images = list(images)
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        manifests = []
        for image in images:
            manifest, config = manifest_of(image)
            manifests.append(
                {
                    "mediaType": _MANIFEST,
                    **_descriptor(manifest),
                    "annotations": {_NAME: image.reference},
                    "platform": {"architecture": "amd64", "os": "linux"},
                }
            )
            for blob in (manifest, config):
                _add(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        for layer in {layer.digest: layer for image in images for layer in image.layers}.values():
            row = tarfile.TarInfo(f"blobs/sha256/{layer.digest}")
            row.size = layer.size
            with layer.path.open("rb") as content:
                archive.addfile(row, content)
        _add(archive, "index.json", _encoded({"schemaVersion": 2, "manifests": manifests}))
        _add(archive, "oci-layout", _encoded({"imageLayoutVersion": "1.0.0"}))


def _descriptor(blob: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def _encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    row = tarfile.TarInfo(name)
    row.size = len(content)
    archive.addfile(row, io.BytesIO(content))
