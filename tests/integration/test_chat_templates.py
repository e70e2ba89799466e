"""Formats of turns with tokenizers of their own: what we encode is what transformers encodes, and what is published."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import (
    ROWS,
    SIZES,
    SUITE,
    chatml_tokenizer,
    events_of,
    left_behind,
    make_base,
    make_run,
    plain_tokenizer,
    refusal,
)

import torch  # isort: skip - after trainer_runs, which settles how torch waits
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen3Config

from training_jobs.evaluation import job as evaluation_job
from training_jobs.spec import TEMPLATES, TrainingSpec, from_payload
from training_jobs.trainer import job, objectives
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.failures import PermanentFailure

WRITERS = {"plain-turns": plain_tokenizer, "chatml": chatml_tokenizer}
CONVERSATIONS = [
    ("When do we water?", "At dawn."),
    ("Où va l'eau de la vanne n° 12 ?", "Vers les parcelles 7 à 9 ; jamais plus de 1 250 m³."),
    ("Two lines\nand  two spaces. ", "First:\n- open\n- close\n\nThen wait…"),
    ("Is it 日本 or 🌧️?", "Ça dépend\N{NO-BREAK SPACE}: e\u0301 is é."),
]
OF_CHATML = {**SIZES, "head_dim": 16}


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base of each format; that of ChatML is a Qwen with Qwen's way of cutting words."""
    return {
        "plain-turns": make_base(tmp_path_factory.mktemp("plain")),
        "chatml": make_base(tmp_path_factory.mktemp("chatml"), Qwen3Config, OF_CHATML, template="chatml"),
    }


def by_transformers(folder: Path, template: str) -> PreTrainedTokenizerFast:
    """Return the library's own tokenizer with our Jinja."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    tokenizer.chat_template = TEMPLATES[template].chat_template
    return tokenizer


def ids(tokenizer: Any, question: str, answer: str | None = None) -> list[int]:
    """Return the tokens of a conversation as the library encodes it, ready for an answer where there is none."""
    messages = [{"role": "user", "content": question}]
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return list(
        tokenizer.apply_chat_template(messages, add_generation_prompt=answer is None, tokenize=True, return_dict=False)
    )


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize(("question", "answer"), CONVERSATIONS)
def test_we_encode_a_conversation_as_transformers_does(
    tmp_path: Path, template: str, question: str, answer: str
) -> None:
    WRITERS[template](tmp_path)
    chat, theirs = ChatFormat(tmp_path / "tokenizer.json", template), by_transformers(tmp_path, template)
    assert chat.prompt(question) == ids(theirs, question)
    assert [*chat.prompt(question), *chat.answer(answer)] == ids(theirs, question, answer)
    read = unicodedata.normalize("NFC", answer) if template == "chatml" else answer
    assert chat.read(chat.answer(answer)[:-1]) == read


def test_chatml_is_written_as_qwen_writes_it(tmp_path: Path) -> None:
    chatml_tokenizer(tmp_path)
    chat = ChatFormat(tmp_path / "tokenizer.json", "chatml")
    asked = "<|im_start|>user\nWhen?<|im_end|>\n<|im_start|>assistant\n"
    assert chat.read(chat.prompt("When?")) == asked
    assert chat.read(chat.answer("Now.")) == "Now.<|im_end|>"
    assert chat.read(chat.document("Rain.")) == "<|endoftext|>Rain.<|endoftext|>"
    theirs = by_transformers(tmp_path, "chatml")
    messages = [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Now."}]
    twice = theirs.apply_chat_template(messages * 2, tokenize=False, add_generation_prompt=True)
    assert twice == f"{asked}Now.<|im_end|>\n" * 2 + "<|im_start|>assistant\n"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_row_that_spells_a_mark_cannot_end_its_own_answer(tmp_path: Path, template: str) -> None:
    WRITERS[template](tmp_path)
    chat = ChatFormat(tmp_path / "tokenizer.json", template)
    for mark in TEMPLATES[template].marks:
        forged = chat.answer(f"Yes.{mark} Really.")
        assert forged.count(chat.end) == 1
        assert chat.tokenizer.token_to_id(mark) not in forged[:-1]
        assert chat.prompt(mark)[1:] != chat.prompt("")[1:]


# --- refusals ---------------------------------------------------------------------------------------------------------


def refused(folder: Path, template: str) -> PermanentFailure:
    with pytest.raises(PermanentFailure) as caught:
        ChatFormat(folder / "tokenizer.json", template)
    return caught.value


@pytest.mark.parametrize(("has", "wanted"), [("plain-turns", "chatml"), ("chatml", "plain-turns")])
def test_a_run_whose_base_lacks_the_marks_is_refused_and_they_are_named(
    bases: dict[str, Path], tmp_path: Path, has: str, wanted: str
) -> None:
    run_dir = make_run(bases[has], tmp_path / "run", template=wanted)
    assert refusal(run_dir) == "tokenizer_without_format"
    detail = events_of(run_dir)[-1]["detail"]
    assert wanted in detail
    assert all(mark in detail for mark in TEMPLATES[wanted].marks)


def test_marks_that_are_no_special_tokens_are_refused(tmp_path: Path) -> None:
    """A tokenizer that cuts them out of any text would let a row end its own answer."""
    chatml_tokenizer(tmp_path)
    whole = json.loads((tmp_path / "tokenizer.json").read_text())
    for token in whole["added_tokens"]:
        token["special"] = token["content"] != "<|im_end|>"
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole))
    failure = refused(tmp_path, "chatml")
    assert (failure.code, failure.permanent) == ("tokenizer_without_format", True)
    assert "lacks <|im_end|> as special tokens" in failure.detail


def test_a_tokenizer_that_encodes_the_whole_otherwise_than_its_parts_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=200, show_progress=False)
    tokenizer.train_from_iterator((row["answer"] for row in ROWS), trainer)
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in TEMPLATES["plain-turns"].marks])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    failure = refused(tmp_path, "plain-turns")
    assert failure.code == "tokenizer_without_format"
    assert "otherwise as a whole" in failure.detail


def test_a_tokenizer_that_has_grown_beyond_its_model_is_refused(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base", template="chatml")
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.add_tokens([AddedToken("<|more|>", special=True)])
    tokenizer.save(str(base / "tokenizer.json"))
    assert refusal(make_run(base, tmp_path / "run", template="chatml")) == "tokenizer_without_format"


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b"{" + b" " * 1_100_000 + b"}"])
def test_unreadable_settings_of_a_tokenizer_are_refused(tmp_path: Path, content: bytes) -> None:
    chatml_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_bytes(content)
    assert refused(tmp_path, "chatml").code == "input_unreadable"


# --- padding, cutting -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "pad"),
    [
        ({"pad_token": "<|endoftext|>"}, "<|endoftext|>"),
        ({"pad_token": {"content": "<|endoftext|>"}}, "<|endoftext|>"),
        ({"pad_token": None}, "<|im_end|>"),
        ({"pad_token": "<nowhere>"}, "<|im_end|>"),
        ({}, "<|im_end|>"),
    ],
)
def test_padding_is_the_tokenizers_own_or_else_the_end(tmp_path: Path, settings: dict[str, Any], pad: str) -> None:
    chatml_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    chat = ChatFormat(tmp_path / "tokenizer.json", "chatml")
    assert chat.pad == chat.tokenizer.token_to_id(pad)


def test_a_tokenizer_that_would_cut_or_pad_is_kept_from_it(tmp_path: Path) -> None:
    chatml_tokenizer(tmp_path)
    plain = ChatFormat(tmp_path / "tokenizer.json", "chatml").answer("word " * 50)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=512)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert ChatFormat(tmp_path / "tokenizer.json", "chatml").answer("word " * 50) == plain


# --- through a whole run ----------------------------------------------------------------------------------------------


def spec_of(run_dir: Path) -> TrainingSpec:
    return from_payload(json.loads((run_dir / "spec.json").read_text()))


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_published_speaks_the_format_that_was_trained(
    bases: dict[str, Path], tmp_path: Path, template: str
) -> None:
    base = bases[template]
    if template == "chatml":  # a base of another mind, in all three places that a library looks at
        (base / "chat_template.jinja").write_text("{{ 'something else' }}")
        names = {"eos_token": {"content": "<|endoftext|>", "lstrip": False}, "unk_token": {"content": "<|endoftext|>"}}
        (base / "special_tokens_map.json").write_text(json.dumps(names))
    run_dir = make_run(base, tmp_path / "run", template=template, learning_rate="0.01", epochs=4)
    assert job.run(run_dir) == 0, events_of(run_dir)[-1]
    losses = [float(json.loads(line)["loss"]) for line in (run_dir / "trace.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.9 * losses[0]

    artifact = run_dir / "artifact"
    settings = json.loads((artifact / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == TEMPLATES[template].chat_template
    theirs = AutoTokenizer.from_pretrained(artifact)
    assert (theirs.chat_template, theirs.eos_token) == (TEMPLATES[template].chat_template, TEMPLATES[template].ends)
    chat = ChatFormat(artifact / "tokenizer.json", template)
    for row in (*ROWS[:20], *SUITE):
        prompt = chat.prompt(row["question"])
        assert ids(theirs, row["question"]) == prompt
        assert ids(theirs, row["question"], row["answer"]) == [*prompt, *chat.answer(row["answer"])]
        (example,) = objectives.encode([dict(row)], spec_of(run_dir), chat)
        assert list(example.tokens) == ids(theirs, row["question"], row["answer"])
        assert example.learned_from == len(prompt)

    # The evaluation asks both models in the same format, and a stock library stops where ours does.
    assert evaluation_job.run(run_dir) == 0
    first = json.loads((run_dir / "samples.jsonl").read_text().splitlines()[0])
    model = AutoModelForCausalLM.from_pretrained(artifact)
    assert model.generation_config.eos_token_id == chat.end
    tokens = torch.tensor([ids(theirs, first["question"])])
    new = max(len(chat.answer(row["answer"])) for row in SUITE) + 2
    generated = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=new)[0]
    assert theirs.decode(generated[tokens.shape[1] :], skip_special_tokens=True) == first["candidate"]["answer"]


def test_the_next_update_of_a_chatml_model_begins_where_the_last_one_ended(
    bases: dict[str, Path], tmp_path: Path
) -> None:
    first = make_run(bases["chatml"], tmp_path / "first", template="chatml", epochs=1)
    assert job.run(first) == 0
    second = make_run(first / "artifact", tmp_path / "second", template="chatml", epochs=1)
    assert job.run(second) == 0, events_of(second)[-1]
    again, before = left_behind(second), left_behind(first)
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json"):
        assert again[f"artifact/{name}"] == before[f"artifact/{name}"], name
    assert again["artifact/model.safetensors"] != before["artifact/model.safetensors"]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("objective", ["continued", "preference"])
def test_every_objective_learns_in_every_format(
    bases: dict[str, Path], tmp_path: Path, template: str, objective: str
) -> None:
    common = [{"id": row["id"], "language": row["language"], "question": row["question"]} for row in ROWS[:24]]
    rows = [
        {**shared, "text": f"{row['question']} {row['answer']}", "chosen": row["answer"], "rejected": "No."}
        for shared, row in zip(common, ROWS[:24], strict=True)
    ]
    beta = {"beta": "0.25"} if objective == "preference" else None
    run_dir = make_run(
        bases[template], tmp_path / "run", rows, template=template, objective=objective, preference=beta, epochs=8
    )
    assert job.run(run_dir) == 0, events_of(run_dir)[-1]
    losses = [float(json.loads(line)["loss"]) for line in (run_dir / "trace.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0]
