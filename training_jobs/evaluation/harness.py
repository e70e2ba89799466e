"""A task of lm-evaluation-harness, run by its own evaluator on the model that is loaded here; its samples become ours.

The harness is an optional package of whoever measures (requirements-harness.txt). It is given a task that was read
strictly (`models_registry.datasets.harness_task`), rows from memory, and a fixed batch size: its own search for tasks,
its loading of data sets, its network and its templates outside of a sandbox are not used. What it counted is compared
with what the samples give, question by question; where they differ, nothing is measured.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets import harness_task
from models_registry.datasets.harness_yaml import TaskError
from training_jobs.evaluation.answering import NATS_PER_BIT, Answering, Progress
from training_jobs.evaluation.metrics.harness import likeliest, likeliest_by_length
from training_jobs.evaluation.samples import Chosen, Read, Replied, Sample

PACKAGE, VERSION = "lm_eval", "0.4.13"
DOCUMENT_BYTES_MAX = 100_000
DOCUMENT_DEPTH = 6
_SPLIT = "test"
# What the harness raises for a task that does not fit its rows or the model: its own assertions among them.
_UNFIT = (
    AssertionError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    SyntaxError,
    ArithmeticError,
)


class NotAskedError(ValueError):
    """A task that cannot be put to a model here; the message says why."""


def samples_of(who: Answering, rows: Sequence[Mapping[str, Any]], on_progress: Progress) -> list[Sample]:
    """Put a task to a model; return a sample per document, in the order of the rows. Raises NotAskedError.

    1. The task and its documents are read strictly again. 2. The harness is there, in the pinned version. 3. Its
    evaluator asks. 4. Its samples become ours, and agree with what it counted.
    """
    task, documents = _read(rows)  # 1
    _require_package()  # 2
    logged = _evaluated(who, task, list(documents.values()), on_progress)  # 3
    made: list[Sample] = []
    for row_id, sample in zip(documents, logged, strict=True):  # 4
        made.append(_FORMS[task["output_type"]](row_id, _language(rows), task, sample))
    on_progress(len(rows))
    return made


def _read(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the task and its documents by the ids of their rows."""
    found: dict[str, Any] = {}
    try:
        for row in rows:
            found[row["id"]] = strict_loads(
                row["document"].encode(), max_bytes=DOCUMENT_BYTES_MAX, max_depth=DOCUMENT_DEPTH
            )
        task = harness_task.check(found.pop(harness_task.TASK_ROW, None))
        first = next(iter(found.values()), None)
        for document in found.values():
            harness_task.check_document(document, first)
    except (CanonicalError, TaskError) as error:
        raise NotAskedError(f"the suite is no task that is run here: {error}"[:400]) from error
    if not found or len(found) != len(rows) - 1:
        raise NotAskedError("the suite is no task that is run here: it has no documents, or two with one id")
    return task, found


def _require_package() -> None:
    try:
        there = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        there = ""
    if there != VERSION:
        raise NotAskedError(f"{PACKAGE} {VERSION} is needed here, found {there or 'none'} (requirements-harness.txt)")


def _evaluated(
    who: Answering, task: Mapping[str, Any], documents: list[dict[str, Any]], on_progress: Progress
) -> list[dict[str, Any]]:
    """Let the harness ask; return what it logged of each document, in their order."""
    from datasets import Dataset
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from lm_eval import evaluator, utils
    from lm_eval.api.task import ConfigurableTask

    # The harness renders with a plain environment; what is checked cannot call anything, and what renders it will not.
    utils.env = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        rows = Dataset.from_list(documents)
        metadata = {"batch_size": task["metadata"]["batch_size"]}
        config = {**task, "metadata": metadata, "test_split": _SPLIT, "custom_dataset": lambda **_said: {_SPLIT: rows}}
        asked = ConfigurableTask(config=config)
        model = _model(who, task["metadata"]["batch_size"])
        model.set_cache_hook(_Counting(asked, len(documents), on_progress))
        found = evaluator.evaluate(
            lm=model, task_dict={"tasks": {task["task"]: asked}, "groups": {}}, bootstrap_iters=0, log_samples=True
        )
    except (*_UNFIT, TemplateError) as error:
        raise NotAskedError(f"the harness cannot ask this: {type(error).__name__}: {str(error)[:300]}") from error
    logged: list[dict[str, Any]] = sorted(found["samples"][task["task"]], key=lambda sample: int(sample["doc_id"]))
    return logged


def _model(who: Answering, batch_size: int) -> Any:  # noqa: ANN401 - an untyped library
    """Return the loaded model as the harness wants it; marks that a template spells are the tokenizer's own."""
    from lm_eval.models.huggingface import HFLM
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    chat = who.chat
    ends = chat.template.ends
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(chat.tokenizer.to_str()),
        eos_token=ends,
        pad_token=chat.tokenizer.id_to_token(chat.pad),
    )
    settings = who.model.generation_config
    settings.eos_token_id, settings.pad_token_id = chat.end, chat.pad
    return HFLM(
        pretrained=who.model,
        backend="causal",
        tokenizer=tokenizer,
        batch_size=batch_size,
        max_length=min(who.room, 1 << 15),
        prefix_token_id=chat.document("")[0],
        add_bos_token=False,
    )


class _Counting:
    """Stands where the harness has its cache, keeps nothing, and tells how far it is."""

    def __init__(self, asked: Any, documents: int, on_progress: Progress) -> None:  # noqa: ANN401
        self._asked, self._documents, self._on_progress = asked, documents, on_progress
        self._done = self._told = 0

    def add_partial(self, _kind: str, _request: object, _answer: object) -> None:
        """Hear that one request is answered; a document with choices takes several."""
        self._done += 1
        documents = self._done * self._documents // len(self._asked.instances)
        if documents >= self._told + self._documents // 20 + 1:
            self._told = documents
            self._on_progress(documents)


def _chosen(row_id: str, language: str, task: Mapping[str, Any], sample: Mapping[str, Any]) -> Sample:
    """Return a question with choices; what the harness counted must be what its likelihoods say."""
    prompt = str(sample["arguments"][0][0])
    delimiter = task["target_delimiter"]
    choices = tuple(str(pair[1]).removeprefix(delimiter) for pair in sample["arguments"])
    target = sample["target"]
    expected = choices.index(target) if isinstance(target, str) and target in choices else target
    if type(expected) is not int or not 0 <= expected < len(choices) or "" in choices:
        raise NotAskedError(f"{row_id}: the target {str(target)[:60]!r} is none of the {len(choices)} choices")
    nanobits = tuple(round(-float(answer[0]) / NATS_PER_BIT * 10**9) for answer in sample["filtered_resps"])
    made = Chosen(row_id, language, prompt, choices, expected, nanobits)
    _require_same(row_id, sample, "acc", likeliest(made) == expected)
    _require_same(row_id, sample, "acc_norm", likeliest_by_length(made) == expected)
    return made


def _replied(row_id: str, language: str, _task: Mapping[str, Any], sample: Mapping[str, Any]) -> Sample:
    """Return an answer, after the task's filters, beside the expected one."""
    made = Replied(
        row_id, language, str(sample["arguments"][0][0]), str(sample["target"]), str(sample["filtered_resps"][0])
    )
    _require_same(row_id, sample, "exact_match", made.answer == made.expected)
    return made


def _read_through(row_id: str, language: str, _task: Mapping[str, Any], sample: Mapping[str, Any]) -> Sample:
    """Return a text with how surprising it was."""
    nats = float(sample["filtered_resps"][0])
    return Read(row_id, language, str(sample["arguments"][0][0]), round(-nats / NATS_PER_BIT * 1000))


def _require_same(row_id: str, sample: Mapping[str, Any], metric: str, ours: bool) -> None:  # noqa: FBT001
    if metric in sample and float(sample[metric]) != float(ours):
        raise NotAskedError(f"{row_id}: the harness counts {metric} {sample[metric]}, its own samples give {ours}")


def _language(rows: Sequence[Mapping[str, Any]]) -> str:
    return str(rows[0]["language"])


_FORMS = {
    "multiple_choice": _chosen,
    "generate_until": _replied,
    "loglikelihood_rolling": _read_through,
}
