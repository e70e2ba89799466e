"""The training specification: what is accepted, in one canonical form, and every way in which it is refused."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence.canonical import canonical_bytes, strict_loads
from training_jobs import spec as spec_module
from training_jobs.spec import SpecError, TrainingSpec, decimal_text, estimate, from_payload, require_within_budget

REVISION = "a1" * 20
BASE_MANIFEST = "b2" * 32
DATASET = "c3" * 32
SUITE = "d4" * 32
GOLDEN_DIGEST = "47bd616e99f84387da9ed2c9999e5377ad0032e34a37bab0fed9c899bea38d3f"


def payload(**changes: Any) -> dict[str, Any]:
    """Return a valid payload with some fields changed."""
    return {
        "version": 1,
        "base": {"model": "commons/water-assistant", "revision": REVISION, "manifest_sha256": BASE_MANIFEST},
        "datasets": [{"digest": DATASET, "languages": ["en", "fr"]}],
        "method": "full",
        "lora": None,
        "optimizer": "adamw",
        "learning_rate": "0.003",
        "weight_decay": "0",
        "schedule": "cosine",
        "warmup_steps": 10,
        "batch_size": 32,
        "sequence_length": 64,
        "epochs": 3,
        "seed": 7,
        "precision": "float32",
        "strategy": "single",
        "evaluation": {"suite": SUITE},
        "output": "water-assistant",
        "budget": {"device_seconds": 120},
        **changes,
    }


def whole(**changes: Any) -> dict[str, Any]:
    """Return the same payload with every key written out: what a payload means that leaves the optional ones out."""
    short = payload()
    return short | {
        "datasets": [{**short["datasets"][0], "weight": 1}],
        "objective": "supervised",
        "preference": None,
        "betas": ["0.9", "0.95"],
        "epsilon": "0.00000001",
        "gradient_clip": None,
        "accumulation": 1,
        "packing": False,
        "template": "plain-turns",
        "topology": None,
        "checkpoint_steps": 100,
        "environment": None,
        "code": None,
        "budget": {"device_seconds": 120, "carbon_grams": None, "money": None},
        "deadline_seconds": None,
        **changes,
    }


def refusal(value: Any) -> SpecError:
    """Return the error with which a payload is refused."""
    with pytest.raises(SpecError) as caught:
        from_payload(value)
    return caught.value


def with_base(**changes: Any) -> dict[str, Any]:
    return payload(base={**payload()["base"], **changes})


def with_dataset(**changes: Any) -> dict[str, Any]:
    return payload(datasets=[{**payload()["datasets"][0], **changes}])


def test_a_valid_payload_becomes_a_frozen_specification_and_comes_back_unchanged() -> None:
    spec = from_payload(payload())
    assert spec.to_dict() == whole()
    assert from_payload(spec.to_dict()) == spec
    assert spec.learning_rate == Decimal("0.003")
    with pytest.raises(AttributeError):
        spec.seed = 8  # type: ignore[misc]


def test_the_digest_names_the_content_and_not_its_spelling() -> None:
    shuffled = list(payload(learning_rate="0.00300", weight_decay="0.0").items())
    random.Random(1).shuffle(shuffled)
    assert from_payload(dict(shuffled)).digest == from_payload(payload()).digest
    assert from_payload(payload(seed=8)).digest != from_payload(payload()).digest


def test_the_digest_is_the_one_that_was_published() -> None:
    # A golden value: if it changes, every specification voted on so far loses its name.
    assert from_payload(payload()).digest == GOLDEN_DIGEST


def test_datasets_and_languages_have_no_order() -> None:
    one, other = {"digest": DATASET, "languages": ["fr", "en", "fr"]}, {"digest": "01" * 32, "languages": ["en"]}
    first = from_payload(payload(datasets=[one, other]))
    assert first == from_payload(payload(datasets=[other, one]))
    assert first.datasets[1].languages == ("en", "fr")


@pytest.mark.parametrize(
    "spelling", ["0.003", "0.0030", Decimal("0.003"), Decimal("3e-3"), Decimal("0.00300")], ids=str
)
def test_a_decimal_is_accepted_as_text_or_as_a_json_number(spelling: object) -> None:
    assert from_payload(payload(learning_rate=spelling)).to_dict()["learning_rate"] == "0.003"


def test_a_decimal_read_from_json_keeps_every_digit() -> None:
    text = canonical_bytes(whole()).replace(b'"0.003"', b"3.0e-3")
    assert from_payload(strict_loads(text, max_bytes=10_000)) == from_payload(payload())


def test_lora_needs_its_size_and_a_full_update_has_none() -> None:
    spec = from_payload(payload(method="lora", lora={"rank": 8, "alpha": 16}))
    assert spec.lora is not None
    assert (spec.lora.rank, spec.lora.alpha) == (8, 16)
    assert refusal(payload(method="lora")).code == "malformed_field"
    assert refusal(payload(lora={"rank": 8, "alpha": 16})).code == "value_out_of_range"


@pytest.mark.parametrize("key", sorted(spec_module.DEFAULTS))
def test_an_optional_key_may_be_left_out_and_its_default_is_written_down(key: str) -> None:
    without = whole()
    del without[key]
    assert from_payload(without) == from_payload(whole())
    assert from_payload(without).to_dict()[key] == whole()[key]


# List A of the catalogue of bad input, A30 to A35.
LIST_A = {
    "A30 trust_remote_code": (payload(trust_remote_code=True), "spec_forbidden_key"),
    "A30 trust_remote_code below base": (with_base(trust_remote_code=False), "spec_forbidden_key"),
    "A30 auto_map in a list": (with_dataset(auto_map={}), "spec_forbidden_key"),
    "A30 attention implementation": (payload(_attn_implementation_internal="x/y"), "spec_forbidden_key"),
    "A30 attention implementation deep": (payload(lora={"a": [{"attn_implementation": 1}]}), "spec_forbidden_key"),
    "A30 custom code": (payload(custom_pipelines={}), "spec_forbidden_key"),
    "A30 code revision": (with_base(code_revision="main"), "spec_forbidden_key"),
    "A31 branch as revision": (with_base(revision="main"), "revision_not_pinned"),
    "A31 short revision": (with_base(revision="a1b2c3d"), "revision_not_pinned"),
    "A31 upper-case revision": (with_base(revision=REVISION.upper()), "revision_not_pinned"),
    "A31 revision with newline": (with_base(revision=REVISION + "\n"), "revision_not_pinned"),
    "A31 no text": (with_base(revision=None), "revision_not_pinned"),
    "A32 NaN as text": (payload(learning_rate="NaN"), "malformed_field"),
    "A32 NaN as decimal": (payload(learning_rate=Decimal("NaN")), "malformed_field"),
    "A32 Infinity as text": (payload(learning_rate="Infinity"), "malformed_field"),
    "A32 Infinity as decimal": (payload(learning_rate=Decimal("-Infinity")), "malformed_field"),
    "A32 1e400 as text": (payload(learning_rate="1e400"), "malformed_field"),
    "A32 1e400 as decimal": (payload(learning_rate=Decimal("1e400")), "malformed_field"),
    "A32 float": (payload(learning_rate=0.003), "malformed_field"),
    "A32 minus one": (payload(learning_rate="-1"), "value_out_of_range"),
    "A32 minus one as integer": (payload(learning_rate=-1), "value_out_of_range"),
    "A32 zero": (payload(learning_rate="0.000"), "value_out_of_range"),
    "A32 two": (payload(learning_rate="2"), "value_out_of_range"),
    "A32 endless epochs": (payload(epochs=10**9), "budget_exceeded"),
    "A32 endless epochs, largest budget": (
        payload(epochs=10**9, budget={"device_seconds": spec_module.DEVICE_SECONDS_MAX}),
        "budget_exceeded",
    ),
    "A33 output climbs": (payload(output="../../etc"), "path_forbidden"),
    "A33 output from the root": (payload(output="/etc/passwd"), "path_forbidden"),
    "A33 output of another system": (payload(output="..\\windows"), "path_forbidden"),
    "A33 output at home": (payload(output="~root"), "path_forbidden"),
    "A33 output_dir": (payload(output_dir="../../etc"), "path_forbidden"),
    "A33 output_dir below budget": (payload(budget={"device_seconds": 1, "output_dir": "x"}), "path_forbidden"),
    "A33 path of a dataset": (with_dataset(path="/etc/passwd"), "path_forbidden"),
    "A33 model climbs": (with_base(model="../../etc"), "path_forbidden"),
    "A33 model from the root": (with_base(model="/etc/passwd"), "path_forbidden"),
    "A34 dataset url": (with_dataset(url="http://169.254.169.254/"), "url_forbidden"),
    "A34 dataset file url": (with_dataset(url="file:///etc/passwd"), "url_forbidden"),
    "A34 url as digest": (with_dataset(digest="http://169.254.169.254/"), "url_forbidden"),
    "A34 file url as digest": (with_dataset(digest="file:///etc/passwd"), "url_forbidden"),
    "A34 url as suite": (payload(evaluation={"suite": "https://example.org/x"}), "url_forbidden"),
    "A34 url as model": (with_base(model="https://example.org/x"), "url_forbidden"),
    "A34 url as output": (payload(output="s3://bucket/x"), "url_forbidden"),
    "A35 unknown optimizer": (payload(optimizer="lion"), "value_out_of_range"),
    "A35 unknown key": (payload(gradient_clipping="1"), "spec_unknown_key"),
    "A35 unknown key in base": (with_base(sha="x"), "spec_unknown_key"),
    "A35 unknown strategy": (payload(strategy="magic"), "value_out_of_range"),
    "A35 unknown precision": (payload(precision="int1"), "value_out_of_range"),
}


@pytest.mark.parametrize(("value", "code"), LIST_A.values(), ids=LIST_A.keys())
def test_list_a_is_refused_with_its_code(value: dict[str, Any], code: str) -> None:
    error = refusal(value)
    assert error.code == code
    assert error.field
    assert error.allowed


MALFORMED = {
    "boolean for an integer": payload(epochs=True),
    "boolean for a decimal": payload(learning_rate=True),
    "boolean for the version": payload(version=True),
    "decimal for an integer": payload(epochs=Decimal(3)),
    "text for an integer": payload(epochs="3"),
    "full-width digit": payload(learning_rate="０.003"),
    "decimal with spaces": payload(learning_rate=" 0.003"),
    "decimal with newline": payload(learning_rate="0.003\n"),
    "decimal with plus": payload(learning_rate="+0.003"),
    "decimal without lead": payload(learning_rate=".003"),
    "nineteen places": payload(learning_rate="0.0000000000000000001"),
    "upper-case digest": with_dataset(digest=DATASET.upper()),
    "prefixed digest": with_dataset(digest="0x" + DATASET),
    "no datasets": payload(datasets=[]),
    "dataset twice": payload(datasets=payload()["datasets"] * 2),
    "no languages": with_dataset(languages=[]),
    "language name": with_dataset(languages=["French"]),
    "language as text": with_dataset(languages="en"),
    "datasets as object": payload(datasets={}),
    "base as text": payload(base="commons/water-assistant"),
    "upper-case output": payload(output="Water"),
    "empty output": payload(output=""),
    "output as number": payload(output=1),
    "optimizer as list": payload(optimizer=["adamw"]),
    "list instead of a payload": [payload()],
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
def test_the_wrong_form_is_refused(value: Any) -> None:
    assert refusal(value).code == "malformed_field"


@pytest.mark.parametrize("key", sorted(set(payload()) - {"lora"}))
def test_every_field_is_required(key: str) -> None:
    without = payload()
    del without[key]
    error = refusal(without)
    assert (error.code, error.field) == ("malformed_field", key)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("epochs", 0),
        ("batch_size", 0),
        ("batch_size", 10**6),
        ("sequence_length", 1),
        ("warmup_steps", -1),
        ("seed", 2**32),
        ("weight_decay", "1.5"),
        ("weight_decay", "-0.1"),
        ("budget", {"device_seconds": 0}),
        ("budget", {"device_seconds": 10**9}),
    ],
)
def test_a_value_outside_its_range_is_refused(field: str, value: object) -> None:
    error = refusal(payload(**{field: value}))
    assert error.code == "value_out_of_range"
    assert error.field.startswith(field)


def test_an_error_shows_a_short_piece_of_what_was_found() -> None:
    assert len(refusal(payload(output="x" * 10_000)).found) <= spec_module.FOUND_CHARACTERS_MAX + 1


def test_the_estimate_is_an_upper_bound_in_integers() -> None:
    spec = from_payload(payload())
    found = estimate(spec, {DATASET: 1001})
    assert found.steps == 3 * 32  # 1001 records in batches of 32
    assert found.tokens == 3 * 1001 * 64
    assert found.device_seconds == -(-found.tokens // spec_module.TOKENS_PER_DEVICE_SECOND)
    assert all(type(value) is int for value in (found.steps, found.tokens, found.device_seconds))


def test_a_budget_that_does_not_cover_the_estimate_is_refused() -> None:
    spec = from_payload(payload())
    assert require_within_budget(spec, {DATASET: 1000}).device_seconds <= spec.device_seconds
    with pytest.raises(SpecError) as caught:
        require_within_budget(spec, {DATASET: 1_000_000})
    assert (caught.value.code, caught.value.field) == ("budget_exceeded", "budget.device_seconds")


def test_a_dataset_of_unknown_size_is_not_free() -> None:
    with pytest.raises(KeyError):
        estimate(from_payload(payload()), {})


@given(st.decimals(min_value=0, max_value=1, allow_nan=False, allow_infinity=False, places=9))
def test_decimal_text_has_one_spelling_and_keeps_the_value(value: Decimal) -> None:
    text = decimal_text(value)
    assert Decimal(text) == value
    assert decimal_text(Decimal(text)) == text
    assert "E" not in text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=True),
        lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=12), children, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(sorted(whole())),
)
def test_any_json_in_any_field_is_accepted_or_refused_by_name(value: Any, field: str) -> None:
    try:
        spec = from_payload(payload(**{field: value}))
    except SpecError:
        return
    assert isinstance(spec, TrainingSpec)
    assert from_payload(spec.to_dict()) == spec
