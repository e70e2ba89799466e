"""Trying a released model over the standard HTTP form: the stock client, the answering process, and every refusal."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import httpx2
import openai
import pytest
import torch
from django.test import Client
from transformers import AutoModelForCausalLM, AutoTokenizer

from config.wsgi import application
from models_registry import services as registry
from models_registry.models import Model
from tests.integration.conftest import NOON
from tests.integration.trainer_runs import SIZES, make_base

ROOT = Path(__file__).resolve().parents[2]
NAME = "commons/water-assistant"
QUESTION = [{"role": "user", "content": "Where does the water of plot 7 come from?"}]
# A model that has learned nothing says one token again and again; drawn like this, it says many.
VARIED = {"temperature": 2, "seed": 5, "max_tokens": 24}
LIMITS = {"--model-bytes": "400000", "--seconds": "20", "--threads": "1"}


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """A folder in which releases lie."""
    return tmp_path_factory.mktemp("released")


@pytest.fixture(scope="module")
def base(released):
    return make_base(released / "made")


@pytest.fixture(scope="module")
def process(released):
    """The answering process, and where it listens: a short path, because the kernel takes no long one."""
    with tempfile.TemporaryDirectory(prefix="cw-serving-") as folder:
        path = Path(folder) / "socket"
        limits = [part for pair in LIMITS.items() for part in pair]
        command = [sys.executable, "-W", "ignore", "-m", "training_jobs.serving", str(path)]
        command += ["--below", str(released), *limits]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
            try:
                assert started.stdout.readline().startswith("answering at")
                yield started, path
            finally:
                started.terminate()
                assert started.wait(20) == 0
                assert not path.exists()


@pytest.fixture
def model(list_community, base, released, process, settings) -> Model:
    """A model with one published version that may be tried."""
    settings.ARTIFACTS_DIR = released
    settings.SERVING_SOCKET = str(process[1])
    settings.ALLOWED_HOSTS = ["commons.example", "testserver"]
    model = Model.objects.create(
        community=list_community().community,
        namespace="commons",
        name="water-assistant",
        title_en="Water assistant",
        title_fr="Assistant de l’eau",
        license="apache-2.0",
    )
    registry.register_base(model, base, NOON)
    return model


@pytest.fixture
def stock(model) -> openai.OpenAI:
    """The stock client, in front of the site."""
    line = httpx2.Client(transport=httpx2.WSGITransport(app=application))
    return openai.OpenAI(base_url="http://commons.example/v1", api_key="none", http_client=line, max_retries=0)


def ask(body, path="chat/completions", **extra):
    data = body if isinstance(body, bytes) else json.dumps(body)
    return Client().post(f"/v1/{path}", data, content_type="application/json", **extra)


def refusal(body, path="chat/completions"):
    answer = ask(body, path)
    return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["param"]


@contextmanager
def said_to(path, asked):
    """Ask the process itself, as the site does; give what it says, line by line."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(path))
        line.sendall(json.dumps({"top_p": 1.0, "seed": None, "stop": [], **asked}).encode() + b"\n")
        with line.makefile() as said:
            yield said


def greedy(folder, tokens, most):
    """Return what transformers itself says, one token after the other."""
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    found = loaded.generate(torch.tensor([tokens]), max_new_tokens=most, do_sample=False)
    return found[0, len(tokens) :].tolist()


# --- answers ------------------------------------------------------------------------------------------------------


def test_the_stock_client_lists_the_models_and_gets_the_answer_that_transformers_gives(stock, base):
    assert [found.id for found in stock.models.list()] == [NAME]
    answer = stock.chat.completions.create(model=NAME, messages=QUESTION, temperature=0, max_tokens=12)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokens = tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True)["input_ids"]
    expected = tokenizer.decode(greedy(base, tokens, 12), skip_special_tokens=True)
    assert answer.choices[0].message.content == expected
    assert answer.choices[0].finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(tokens), 12)
    assert answer.model == f"{NAME}@v0"


def test_a_streamed_answer_is_the_same_answer_in_pieces(stock):
    asked = {"model": NAME, "messages": QUESTION, **VARIED}
    whole = stock.chat.completions.create(**asked)
    parts = list(stock.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    said = [part.choices[0].delta.content or "" for part in parts if part.choices]
    assert "".join(said) == whole.choices[0].message.content
    assert len([piece for piece in said if piece]) > 1
    assert [part.choices[0].finish_reason for part in parts if part.choices][-1] == "length"
    assert parts[-1].usage == whole.usage


def test_a_text_is_continued_without_any_template(stock, base):
    answer = stock.completions.create(model=f"{NAME}@v0", prompt="The water", temperature=0, max_tokens=5)
    tokenizer = AutoTokenizer.from_pretrained(base)
    expected = tokenizer.decode(greedy(base, tokenizer("The water")["input_ids"], 5), skip_special_tokens=True)
    assert answer.choices[0].text == expected


def test_the_same_seed_draws_the_same_answer_and_another_seed_another_one(stock):
    def drawn(seed):
        asked = {"model": NAME, "messages": QUESTION, "temperature": 1.5, "max_tokens": 12, "seed": seed}
        return stock.chat.completions.create(**asked).choices[0].message.content

    assert drawn(7) == drawn(7)
    assert len({drawn(seed) for seed in range(4)}) > 1


def test_an_answer_ends_before_a_stop_and_never_shows_part_of_it(stock):
    asked = {"model": NAME, "messages": QUESTION, **VARIED}
    whole = stock.chat.completions.create(**asked).choices[0].message.content
    stop = whole[4:7]
    parts = list(stock.chat.completions.create(**asked, stop=[stop, "never said"], stream=True))
    assert "".join(part.choices[0].delta.content or "" for part in parts) == whole[: whole.index(stop)]
    assert parts[-1].choices[0].finish_reason == "stop"


def test_an_answer_names_the_revision_that_gave_it_and_is_kept_nowhere(model):
    answer = ask({"model": NAME, "messages": QUESTION, "max_tokens": 1})
    revision = model.versions.get().revision
    assert answer["X-Commonweights-Revision"] == answer.json()["system_fingerprint"] == revision
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_who_leaves_in_the_middle_stops_the_work_for_the_answer(model, process):
    first = ask({"model": NAME, "messages": QUESTION, "stream": True, "max_tokens": 100, "temperature": 2})
    pieces = iter(first.streaming_content)
    next(pieces), next(pieces)
    first.close()
    began = time.monotonic()
    assert ask({"model": NAME, "messages": QUESTION, "max_tokens": 1}).status_code == 200
    assert time.monotonic() - began < 20


# --- refusals -----------------------------------------------------------------------------------------------------

CHAT = {"model": NAME, "messages": QUESTION}


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"model": "m" * 400}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": QUESTION * 65}, "messages"),
        ({"messages": ["hello"]}, "messages.0"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content"),
        ({"messages": [*QUESTION, {"role": "assistant", "content": "x"}]}, "messages.1.role"),
        ({"messages": [{"role": "user", "content": "x" * 32_001}]}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 513}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 3, "max_completion_tokens": 3}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 2.01}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**53}, "seed"),
        ({"n": 2}, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"x": 1}}, "stream_options"),
    ],
)
def test_what_would_not_be_followed_is_refused_by_name(model, changes, param):
    status, code, found = refusal({**CHAT, **changes})
    assert (status, code, found) == (400, "invalid_value", param)


@pytest.mark.parametrize("name", ["tools", "logprobs", "response_format", "logit_bias", "frequency_penalty"])
def test_wishes_that_are_not_understood_are_refused_and_not_ignored(model, name):
    assert refusal({**CHAT, name: 1}) == (400, "unknown_parameter", name)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b"[]", 400, "malformed_json"),
        (b"\xff", 400, "malformed_json"),
        (b'{"model":"a","model":"b"}', 400, "duplicate_key"),
        (b"[" * 100 + b"]" * 100, 400, "too_deep"),
        (b'{"temperature": NaN}', 400, "malformed_json"),
        (b" " * 64_001, 413, "too_large"),
    ],
)
def test_a_body_that_nobody_can_read_is_refused(model, body, status, code):
    found = ask(body)
    assert found.status_code == status
    assert found.json()["error"]["code"] in {code, "number_out_of_range"}


@pytest.mark.parametrize("name", ["commons/other", "commons", "/", "commons/water-assistant@v9", "a/b/c", "é/\u0000"])
def test_a_model_that_is_not_released_is_not_answered_for(model, name):
    assert refusal({**CHAT, "model": name})[:2] in {(404, "model_not_found"), (400, "forbidden_character")}


def test_the_client_raises_its_own_errors(stock):
    with pytest.raises(openai.NotFoundError, match="no released model is called"):
        stock.chat.completions.create(model="commons/other", messages=QUESTION)
    with pytest.raises(openai.BadRequestError, match="tools is not understood"):
        stock.chat.completions.create(
            model=NAME, messages=QUESTION, tools=[{"type": "function", "function": {"name": "x"}}]
        )


def test_more_text_than_the_model_reads_is_refused_with_both_numbers(model):
    long = [{"role": "user", "content": "water " * 300}]
    answer = ask({"model": NAME, "messages": long})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    assert "this model reads 128" in answer.json()["error"]["message"]


def test_other_methods_and_addresses_are_refused_in_the_same_form(model):
    assert Client().get("/v1/chat/completions").json()["error"]["code"] == "method_not_allowed"
    assert Client().post("/v1/models").status_code == 405
    assert Client().get("/v1/embeddings").json()["error"]["code"] == "not_found"


def test_where_nobody_answers_the_visitor_is_told_to_download(model, settings, tmp_path):
    for path in ("", str(tmp_path / "none")):
        settings.SERVING_SOCKET = path
        answer = ask(CHAT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_answering")
        assert answer["Retry-After"]


def test_a_model_too_large_to_be_tried_is_refused_before_it_is_loaded(model, released):
    folder = make_base(released / "large", sizes={**SIZES, "hidden_size": 128})
    other = Model.objects.create(
        community=model.community, namespace="commons", name="large", title_en="L", title_fr="L", license="apache-2.0"
    )
    registry.register_base(other, folder, NOON)
    assert refusal({**CHAT, "model": "commons/large"}) == (400, "model_too_large", "model")


def test_too_many_at_once_are_told_to_come_back_and_the_others_are_answered(process, base):
    started, path = process
    asked = {"folder": str(base), "messages": QUESTION, "prompt": "", "max_tokens": 100, "temperature": 2.0}
    with ExitStack() as lines:
        os.kill(started.pid, signal.SIGSTOP)
        try:
            waiting = [lines.enter_context(said_to(path, {**asked, "seed": 1})) for _ in range(20)]
        finally:
            os.kill(started.pid, signal.SIGCONT)
        ends = [json.loads(list(line)[-1]) for line in waiting]
    assert {"error" in end or end["end"] for end in ends} <= {True, "stop", "length"}
    assert any(end.get("error", ["", ""])[1] == "busy" for end in ends)
    assert sum("end" in end for end in ends) >= 8


def test_a_folder_outside_of_the_releases_is_never_loaded(process, tmp_path):
    folder = make_base(tmp_path / "elsewhere")
    for named in (str(folder), f"{tmp_path}/../..", "/nowhere"):
        with said_to(process[1], {"folder": named, "messages": [], "prompt": "x"}) as line:
            assert "are not here" in line.read()
