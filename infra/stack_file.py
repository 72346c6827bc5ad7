"""The stack file as text: where a setting stands in it."""

from pathlib import Path

import yaml

KEY = "nebula:platform"


class StackFile:
    """The stack file as text: finds the line of a setting. It may be absent (a config file kept
    elsewhere); then errors name the key only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._root: yaml.Node | None = None
        if path.exists():
            self._root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)

    def where(self, key: tuple[str | int, ...]) -> str:
        """`stacks/Pulumi.local.yaml, line 7: nebula:platform.topics[0].partitions`."""
        name = KEY + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
        line = self._line((KEY, *key))
        return f"{self.path.parent.name}/{self.path.name}{f', line {line}' if line else ''}: {name}"

    def _line(self, key: tuple[str | int, ...]) -> int | None:
        node, line = self._root, None
        for part in ("config", *key):
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line

    def unknown_keys(self) -> list[str]:
        """Keys of our namespace in `config` other than `nebula:platform`."""
        found = _child(self._root, "config")
        if found is None or not isinstance(found[0], yaml.MappingNode):
            return []
        keys = [key.value for key, _ in found[0].value]
        return [key for key in keys if key.startswith("nebula:") and key != KEY]


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None
