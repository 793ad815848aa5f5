"""A compose file as it was before some of its services came: the same text without them.

Text in, text out, so that comments and layout stay and a diff of two stages shows the step only.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

import yaml

from strangler.toolkit.errors import ToolkitError

Cut = tuple[int, int, str]


class TopologyBroken(ToolkitError):
    """What is left of the compose file without the later services is not a compose file."""


def without(text: str, *, services: Collection[str], profiles: Collection[str]) -> str:
    """The text without these services, these profiles, and the anchors and volumes only they used."""
    text = _apply(text, _service_cuts(text, services))
    text = _apply(text, _profile_cuts(text, profiles))
    while cuts := _unused_extensions(text):
        text = _apply(text, cuts)
    text = _apply(text, _unused_volumes(text))
    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TopologyBroken(
            f"The compose file without {', '.join(sorted(services))} cannot be read: {error}. "
            "An anchor that other services use must stand outside of what a later stage brings."
        ) from None
    return text


def without_entries(text: str, *, section: str, names: Collection[str]) -> str:
    """Any YAML text without these entries of a top-level block mapping."""
    return _apply(text, _block_cuts(text, _section(_compose(text), section), names)) if names else text


def _apply(text: str, cuts: Iterable[Cut]) -> str:
    for start, end, instead in sorted(cuts, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def _compose(text: str) -> Any:
    """The node tree; aliases whose anchors were cut away are tolerated, as they may be cut next."""
    defined = set(re.findall(r"&([\w-]+)", text))
    for name in set(re.findall(r"(?<=[\s\[,{:])\*([\w-]+)", text)) - defined:
        # Same length, so that every mark stays right.
        text = re.sub(rf"(?<=[\s\[,{{:])\*({re.escape(name)})(?![\w-])", r"_\1", text)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _entries(node: Any) -> list[tuple[Any, Any]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _section(root: Any, name: str) -> Any:
    return next((value for key, value in _entries(root) if key.value == name), None)


def _service_cuts(text: str, names: Collection[str]) -> list[Cut]:
    return _block_cuts(text, _section(_compose(text), "services"), names)


def _block_cuts(text: str, mapping: Any, names: Collection[str]) -> list[Cut]:
    """The entries of a block mapping with the comments right above them, and one blank line."""
    cuts = []
    entries = _entries(mapping)
    for position, (key, _) in enumerate(entries):
        if key.value not in names:
            continue
        following = entries[position + 1][0].start_mark.index if position + 1 < len(entries) else None
        end = mapping.end_mark.index if following is None else _with_comments(text, following)
        start = _with_comments(text, key.start_mark.index)
        if following is None:
            # At the end of the section the blank lines after it belong to what comes next.
            end = len(text[:end].rstrip()) + 1
            start = len(text[:start].rstrip()) + 1
        cuts.append((start, end, ""))
    return cuts


def _with_comments(text: str, index: int) -> int:
    """The start of the line at `index`, or of the comment lines directly above it."""
    start = text.rfind("\n", 0, index) + 1
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].lstrip().startswith("#"):
            break
        start = above
    return start


def _profile_cuts(text: str, profiles: Collection[str]) -> list[Cut]:
    cuts, seen = [], set()
    for _, service in [*_entries(_section(_compose(text), "services")), *_extensions(text)]:
        for node in _sequences_of(service, "profiles"):
            left = [item.value for item in node.value if item.value not in profiles]
            start = text.index("[", node.start_mark.index) if node.flow_style else node.start_mark.index
            if len(left) < len(node.value) and node.flow_style and start not in seen:
                seen.add(start)
                cuts.append((start, node.end_mark.index, f"[{', '.join(left)}]"))
    return cuts


def _sequences_of(node: Any, name: str) -> list[Any]:
    found = []
    for key, value in _entries(node):
        if key.value == name and isinstance(value, yaml.SequenceNode):
            found.append(value)
        elif isinstance(value, yaml.MappingNode):
            found += _sequences_of(value, name)
    return found


def _extensions(text: str) -> list[tuple[Any, Any]]:
    return [(key, value) for key, value in _entries(_compose(text)) if str(key.value).startswith("x-")]


def _unused_extensions(text: str) -> list[Cut]:
    """Top-level `x-…: &anchor` blocks that nothing refers to any more."""
    used = set(re.findall(r"(?<=[\s\[,{:])\*([\w-]+)", text))
    unused = [
        key.value
        for key, _ in _extensions(text)
        if (anchor := re.match(r"[\w-]+:\s*&([\w-]+)", text[key.start_mark.index :]))
        and anchor.group(1) not in used
    ]
    return _block_cuts(text, _compose(text), unused)


def _unused_volumes(text: str) -> list[Cut]:
    root = _compose(text)
    volumes = _section(root, "volumes")
    if volumes is None or not volumes.flow_style:
        return []
    mounted = {
        str(mount.value).split(":")[0]
        for _, service in _entries(_section(root, "services"))
        for mounts in _sequences_of(service, "volumes")
        for mount in mounts.value
    }
    left = [key.value for key, _ in _entries(volumes) if key.value in mounted]
    if len(left) == len(volumes.value):
        return []
    written = ", ".join(f"{name}: {{}}" for name in left)
    return [(volumes.start_mark.index, volumes.end_mark.index, f"{{ {written} }}")]
