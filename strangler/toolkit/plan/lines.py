"""YAML as plain values, with the line of each."""

from typing import Any

import yaml

from strangler.toolkit.plan.problems import Place, Problems

Lines = dict[Place, int]


def tree(text: str, *, problems: Problems) -> tuple[Any, Lines]:
    """The document's values, and where each stands (an entry of a mapping: its key's line).

    Keys that stand twice in one mapping are problems. Raises yaml.YAMLError.
    """
    loader = yaml.SafeLoader(text)
    lines: Lines = {(): 1}
    try:
        node = loader.get_single_node()
        if node is None:
            return None, lines
        return _value(node, (), loader, lines, problems, ()), lines
    finally:
        loader.dispose()


def _value(
    node: yaml.Node,
    place: Place,
    loader: yaml.SafeLoader,
    lines: Lines,
    problems: Problems,
    above: tuple[yaml.Node, ...],
) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if node in above:
        problems.add(
            line=line,
            what="A value contains itself.",
            remedy="Write it out instead of an alias.",
            place=place,
        )
        return None
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(item, (*place, index), loader, lines, problems, (*above, node))
            for index, item in enumerate(node.value)
        ]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    values: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        key_line = key_node.start_mark.line + 1
        if key is None:
            problems.add(line=key_line, what="A key is not a word.", remedy="Quote it if it is meant so.")
            continue
        if key in values:
            problems.add(
                line=key_line,
                what=f"`{key}` stands twice here, first in line {lines[(*place, key)]}.",
                remedy="Join the two or remove one.",
            )
            continue
        lines[(*place, key)] = key_line
        values[key] = _value(value_node, (*place, key), loader, lines, problems, (*above, node))
    return values
