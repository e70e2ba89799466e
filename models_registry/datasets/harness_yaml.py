"""The YAML of a task file as plain data: one small document, every key once, no tags, no anchors."""

import re
from collections.abc import Iterator
from typing import Any

TASK_BYTES_MAX = 32_768
EVENTS_MAX = 2_000
DEPTH_MAX = 6
_SCALARS = "tag:yaml.org,2002:"


class TaskError(ValueError):
    """A task that is not read here: the key at fault, its line if it stands in a file, what was found, and why not."""

    def __init__(self, key: str, found: object, allowed: str, line: int | None = None) -> None:
        """Keep the parts; `found` is shortened, because it comes from a stranger."""
        self.key, self.line, self.allowed = key, line, allowed
        self.found = str(found)[:120]
        super().__init__(f"{key or 'the task'}: found {self.found}; allowed: {allowed}")


class Located(dict[str, Any]):
    """A mapping of YAML that knows in which line each key stands."""

    lines: dict[str, int]


def plain(text: str) -> "Located":
    """Return the mapping that a YAML file is; raise TaskError for what is not in the safe part.

    1. Few events, no anchors, no aliases, one document. 2. Plain tags and every key once.
    """
    import yaml

    if len(text.encode()) > TASK_BYTES_MAX:
        raise TaskError("", f"{len(text.encode())} bytes", f"at most {TASK_BYTES_MAX} bytes before the rows")
    try:
        _require_small(yaml.parse(text, Loader=yaml.SafeLoader))  # 1
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise TaskError("", error.problem, "plain YAML", mark.line + 1 if mark else None) from error
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, TaskError):
            raise
        raise TaskError("", str(error).splitlines()[0], "plain YAML") from error
    value = _plain(node, "")  # 2
    if not isinstance(value, Located):
        raise TaskError("", "no mapping", "keys and values of a task", 1)
    return value


def _require_small(events: Iterator[Any]) -> None:
    import yaml

    depth = documents = 0
    for number, event in enumerate(events, start=1):
        line = event.start_mark.line + 1
        if number > EVENTS_MAX:
            raise TaskError("", f"more than {EVENTS_MAX} parts", "a short file", line)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise TaskError("", f"the anchor or alias {event.anchor!r}", "every value written out", line)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX or documents > 1:
            raise TaskError("", "more levels or documents", f"one document of at most {DEPTH_MAX} levels", line)


def _plain(node: Any, key: str) -> Any:  # noqa: ANN401 - a node in, JSON out
    """Return a node as plain data: text, integers, true, false, lists, mappings."""
    import yaml

    line = node.start_mark.line + 1 if node is not None else 1
    tag = getattr(node, "tag", "").removeprefix(_SCALARS)
    if isinstance(node, yaml.MappingNode) and tag == "map":
        found = Located()
        found.lines = {}
        for name, item in node.value:
            if not isinstance(name, yaml.ScalarNode) or name.tag != f"{_SCALARS}str":
                raise TaskError(str(name.value)[:80], "this key", "keys are text", name.start_mark.line + 1)
            if name.value in found:
                raise TaskError(name.value[:80], "this key twice", "every key once", name.start_mark.line + 1)
            found.lines[name.value] = name.start_mark.line + 1
            found[name.value] = _plain(item, name.value)
        return found
    if isinstance(node, yaml.SequenceNode) and tag == "seq":
        return [_plain(item, key) for item in node.value]
    if isinstance(node, yaml.ScalarNode) and tag == "str":
        return node.value
    if isinstance(node, yaml.ScalarNode) and tag == "int" and re.fullmatch(r"0|-?[1-9][0-9]{0,8}", node.value):
        return int(node.value)
    if isinstance(node, yaml.ScalarNode) and tag == "bool" and node.value.lower() in {"true", "false"}:
        return node.value.lower() == "true"
    if isinstance(node, yaml.ScalarNode) and tag == "float" and re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", node.value):
        return node.value  # only the version of a task and a temperature of 0.0 may be one: as text
    what = (
        f"the tag {tag}"
        if tag.startswith("!") or tag == "merge"
        else f"{tag or 'nothing'} {getattr(node, 'value', '')}"
    )
    raise TaskError(key, what, "text, whole numbers, true, false, lists, mappings; no tags", line)
