"""A task of lm-evaluation-harness with its rows: YAML, a line `---`, and one JSON object per line, in one file.

    cat task.yaml <(echo ---) rows.jsonl > suite.task.yaml

makes it of the two files of the harness. The task becomes the row with the id `task`, each object a row of its own.
"""

from collections.abc import Iterator
from typing import Any

from governance.evidence.canonical import canonical_bytes, digest
from models_registry.datasets import harness_task
from models_registry.datasets.formats.base import Format, Source
from models_registry.datasets.harness_task import DOCUMENT_LEVELS, TASK_ROW
from models_registry.datasets.harness_yaml import TASK_BYTES_MAX, TaskError
from models_registry.datasets.rows import ID_HEX_DIGITS, RowMaker, columns_invalid, malformed, strict_object

_MARK = "---"


def rows(source: Source, maker: RowMaker) -> Iterator[bytes]:
    """Yield the task's row, then one for each document."""
    if maker.reading.columns:
        raise columns_invalid("a mapping of columns", "none: a task says itself what its rows mean")
    lines = source.text_lines()
    task = _task(lines)
    language = task["metadata"].get("language") or maker.reading.language
    if not language:
        raise columns_invalid("a task without a language", "say it, or write metadata: {language: en} into the task")
    common = {"language": language, "topic": task["task"]}
    source.budget.records(1, "line")
    yield maker.row({**common, "id": TASK_ROW, "document": canonical_bytes(task).decode()}, 1, "line")
    first = None
    for number, line in lines:
        source.budget.records(number, "line")
        document = strict_object(line.encode(), number, source.budget.limits, DOCUMENT_LEVELS + 1)
        try:
            first = first or document
            harness_task.check_document(document, first)
        except TaskError as error:
            raise malformed(number, f"{error.key}: {error.found}", error.allowed) from error
        text = canonical_bytes(document).decode()
        yield maker.row({**common, "id": digest(document)[:ID_HEX_DIGITS], "document": text}, number, "line")
    if first is None:
        raise malformed(None, "a task without rows", "rows behind a line ---, one JSON object on each line")


def _task(lines: Iterator[tuple[int, str]]) -> dict[str, Any]:
    """Read the lines before the mark as the task."""
    text: list[str] = []
    size = 0
    for number, line in lines:
        if line.rstrip() == _MARK and any(part.strip() for part in text):
            break
        size += len(line.encode()) + 1
        if size > TASK_BYTES_MAX:
            raise malformed(number, f"a task of more than {TASK_BYTES_MAX} bytes", "a short one, then a line ---")
        text.append("" if line.rstrip() == _MARK else line)
    try:
        return harness_task.read("\n".join(text))
    except TaskError as error:
        raise malformed(error.line, f"{error.key or 'task'}: {error.found}", error.allowed) from error


FORMAT = Format("harness", (".task.yaml", ".task.yml"), "a task of lm-evaluation-harness", rows)
