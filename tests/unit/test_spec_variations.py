"""The parts of a specification beyond the plain recipe: what each accepts, and twenty ways in which it is refused."""

import copy
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_jobs import spec as spec_module
from training_jobs.spec import SpecError, estimate, from_payload, require_within_budget
from training_jobs.spec.payload import (
    ACCUMULATION_MAX,
    CARBON_GRAMS_MAX,
    CHECKPOINT_STEPS_MAX,
    DEADLINE_SECONDS_MAX,
    MONEY_MAX,
    WEIGHT_MAX,
)

DATASET, OTHER, SUITE = "c3" * 32, "c4" * 32, "d4" * 32
FORM, RANGE, KEY, FORBIDDEN, PATH, URL = (
    "malformed_field",
    "value_out_of_range",
    "spec_unknown_key",
    "spec_forbidden_key",
    "path_forbidden",
    "url_forbidden",
)
Changes = dict[str, Any]
Case = tuple[Changes, str, str]


def payload(**changes: Any) -> dict[str, Any]:
    """Return a payload with only the required keys, and some changes."""
    return {
        "version": 1,
        "base": {"model": "commons/water-assistant", "revision": "a1" * 20, "manifest_sha256": "b2" * 32},
        "datasets": [{"digest": DATASET, "languages": ["en", "fr"]}],
        "method": "full",
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


def exchange(**changes: Any) -> dict[str, Any]:
    """Return the topology of four sites that exchange every thirty steps."""
    return {"workers": 4, "local_steps": 30, **changes}


def diloco(**changes: Any) -> Changes:
    return {"strategy": "diloco", "topology": exchange(**changes)}


def dilocox(**changes: Any) -> Changes:
    return {"strategy": "dilocox", "topology": exchange(**changes)}


def ddp(**changes: Any) -> Changes:
    return {"strategy": "ddp", "topology": {"workers": 2, **changes}}


def preference(beta: Any = "0.1", **more: Any) -> Changes:
    return {"objective": "preference", "preference": {"beta": beta, **more}}


def budget(**changes: Any) -> Changes:
    return {"budget": {"device_seconds": 120, **changes}}


def money(**changes: Any) -> Changes:
    return budget(money={"amount": "12.50", "currency": "EUR", **changes})


def dataset(**changes: Any) -> Changes:
    return {"datasets": [{"digest": DATASET, "languages": ["en"], **changes}]}


def lora(method: str = "lora", **changes: Any) -> Changes:
    return {"method": method, "lora": {"rank": 8, "alpha": 16, **changes}}


ACCEPTED: list[Changes] = [
    {"objective": "continued"},
    {"objective": "continued", "packing": True},
    {"objective": "supervised", "packing": True},
    preference(),
    preference("10"),
    preference(Decimal("0.05")),
    lora(),
    lora("qlora"),
    lora("qlora") | {"precision": "bfloat16"},
    {"precision": "bfloat16"},
    {"template": "chatml"},
    {"betas": ["0", "0.999"]},
    {"epsilon": "0.000000000000000001"},
    {"gradient_clip": "1"},
    {"gradient_clip": "1000"},
    {"accumulation": ACCUMULATION_MAX},
    {"checkpoint_steps": 1},
    {"checkpoint_steps": CHECKPOINT_STEPS_MAX},
    {"environment": "e5" * 32, "code": "f6" * 32},
    {"deadline_seconds": DEADLINE_SECONDS_MAX},
    budget(carbon_grams=1),
    money(),
    money(amount="1000000000", currency="XOF"),
    dataset(weight=WEIGHT_MAX),
    ddp(),
    ddp(workers=64),
    ddp(local_steps=None, rank=None, adaptive=None, aggregation=None),
    diloco(),
    diloco(local_steps=1, workers=64),
    diloco(bits=4, outer_learning_rate="1", outer_momentum="0"),
    diloco(workers=5, aggregation="krum"),
    diloco(workers=5, aggregation="trimmed_mean"),
    diloco(workers=2, aggregation="centred_clipping"),
    dilocox(),
    dilocox(rank=1024, bits=8, delay=1, adaptive=True),
    dilocox(bits=1, delay=1, adaptive=True),
    diloco(bits=1),
]

OBJECTIVE: list[Case] = [
    ({"objective": "sft"}, RANGE, "objective"),
    ({"objective": "Supervised"}, RANGE, "objective"),
    ({"objective": ""}, RANGE, "objective"),
    ({"objective": None}, FORM, "objective"),
    ({"objective": True}, FORM, "objective"),
    ({"objective": ["supervised"]}, FORM, "objective"),
    ({"objective": 1}, FORM, "objective"),
    ({"objective": "preference"}, FORM, "preference"),
    ({"objective": "preference", "preference": {}}, FORM, "preference.beta"),
    ({"objective": "preference", "preference": "0.1"}, FORM, "preference"),
    ({"objective": "preference", "preference": []}, FORM, "preference"),
    ({"preference": {"beta": "0.1"}}, RANGE, "preference"),
    ({"objective": "continued", "preference": {"beta": "0.1"}}, RANGE, "preference"),
    ({"preference": False}, RANGE, "preference"),
    (preference("0"), RANGE, "preference.beta"),
    (preference("-0.1"), RANGE, "preference.beta"),
    (preference("10.1"), RANGE, "preference.beta"),
    (preference(0.1), FORM, "preference.beta"),
    (preference("NaN"), FORM, "preference.beta"),
    (preference(Decimal("Infinity")), FORM, "preference.beta"),
    (preference(True), FORM, "preference.beta"),
    (preference(None), FORM, "preference.beta"),
    (preference(margin="1"), KEY, "preference.margin"),
    (preference(reference_path="x"), PATH, "preference.reference_path"),
    (preference() | {"packing": True}, RANGE, "packing"),
    ({"packing": 1}, FORM, "packing"),
    ({"packing": None}, FORM, "packing"),
    ({"packing": "true"}, FORM, "packing"),
    ({"template": "ChatML"}, RANGE, "template"),
    ({"template": None}, FORM, "template"),
    ({"template": "{% for m in messages %}"}, RANGE, "template"),
    ({"template": {"name": "plain-turns"}}, FORM, "template"),
]

METHOD: list[Case] = [
    ({"method": "dora"}, RANGE, "method"),
    ({"method": "QLoRA"}, RANGE, "method"),
    ({"method": "qlora"}, FORM, "lora"),
    (lora("qlora", bits=4), KEY, "lora.bits"),
    (lora("full"), RANGE, "lora"),
    (lora(rank=0), RANGE, "lora.rank"),
    (lora(rank=257), RANGE, "lora.rank"),
    (lora(rank=True), FORM, "lora.rank"),
    (lora(rank=8.0), FORM, "lora.rank"),
    (lora(rank="8"), FORM, "lora.rank"),
    (lora(rank=None), FORM, "lora.rank"),
    (lora(alpha=0), RANGE, "lora.alpha"),
    (lora(alpha=1025), RANGE, "lora.alpha"),
    (lora(alpha=Decimal(16)), FORM, "lora.alpha"),
    (lora(dropout="0.1"), KEY, "lora.dropout"),
    (lora(target_modules=["q_proj"]), KEY, "lora.target_modules"),
    (lora(custom_module="x"), FORBIDDEN, "lora.custom_module"),
    ({"precision": "float16"}, RANGE, "precision"),
    ({"precision": "bf16"}, RANGE, "precision"),
    ({"precision": None}, FORM, "precision"),
    ({"precision": 32}, FORM, "precision"),
]

OPTIMIZER: list[Case] = [
    ({"betas": None}, FORM, "betas"),
    ({"betas": []}, FORM, "betas"),
    ({"betas": ["0.9"]}, FORM, "betas"),
    ({"betas": ["0.9", "0.95", "0.99"]}, FORM, "betas"),
    ({"betas": "0.9"}, FORM, "betas"),
    ({"betas": {"first": "0.9"}}, FORM, "betas"),
    ({"betas": [0.9, 0.95]}, FORM, "betas[0]"),
    ({"betas": ["0.9", 0.95]}, FORM, "betas[1]"),
    ({"betas": ["1", "0.95"]}, RANGE, "betas[0]"),
    ({"betas": ["0.9", "1.0"]}, RANGE, "betas[1]"),
    ({"betas": ["-0.1", "0.95"]}, RANGE, "betas[0]"),
    ({"betas": ["NaN", "0.95"]}, FORM, "betas[0]"),
    ({"betas": [True, "0.95"]}, FORM, "betas[0]"),
    ({"epsilon": "0"}, RANGE, "epsilon"),
    ({"epsilon": "-1"}, RANGE, "epsilon"),
    ({"epsilon": "2"}, RANGE, "epsilon"),
    ({"epsilon": 1e-8}, FORM, "epsilon"),
    ({"epsilon": "1e-8"}, FORM, "epsilon"),
    ({"epsilon": None}, FORM, "epsilon"),
    ({"epsilon": Decimal("1e-19")}, FORM, "epsilon"),
    ({"gradient_clip": "0"}, RANGE, "gradient_clip"),
    ({"gradient_clip": "1000.1"}, RANGE, "gradient_clip"),
    ({"gradient_clip": "-1"}, RANGE, "gradient_clip"),
    ({"gradient_clip": False}, FORM, "gradient_clip"),
    ({"gradient_clip": 1.0}, FORM, "gradient_clip"),
    ({"gradient_clip": "inf"}, FORM, "gradient_clip"),
    ({"gradient_clip": Decimal("Infinity")}, FORM, "gradient_clip"),
    ({"gradient_clip": []}, FORM, "gradient_clip"),
    ({"max_grad_norm": "1"}, KEY, "max_grad_norm"),
]

LENGTH: list[Case] = [
    ({"accumulation": 0}, RANGE, "accumulation"),
    ({"accumulation": -1}, RANGE, "accumulation"),
    ({"accumulation": 1025}, RANGE, "accumulation"),
    ({"accumulation": True}, FORM, "accumulation"),
    ({"accumulation": None}, FORM, "accumulation"),
    ({"accumulation": "4"}, FORM, "accumulation"),
    ({"accumulation": 4.0}, FORM, "accumulation"),
    ({"accumulation": Decimal(4)}, FORM, "accumulation"),
    ({"checkpoint_steps": 0}, RANGE, "checkpoint_steps"),
    ({"checkpoint_steps": 100_001}, RANGE, "checkpoint_steps"),
    ({"checkpoint_steps": True}, FORM, "checkpoint_steps"),
    ({"checkpoint_steps": None}, FORM, "checkpoint_steps"),
    ({"checkpoint_steps": "100"}, FORM, "checkpoint_steps"),
    ({"checkpoint_dir": "/tmp/x"}, PATH, "checkpoint_dir"),
    (dataset(weight=0), RANGE, "datasets[0].weight"),
    (dataset(weight=17), RANGE, "datasets[0].weight"),
    (dataset(weight=True), FORM, "datasets[0].weight"),
    (dataset(weight=None), FORM, "datasets[0].weight"),
    (dataset(weight="2"), FORM, "datasets[0].weight"),
    (dataset(weight=0.5), FORM, "datasets[0].weight"),
    (dataset(weight=Decimal("0.5")), FORM, "datasets[0].weight"),
    (dataset(probability="0.5"), KEY, "datasets[0].probability"),
    (dataset(mirror_url="https://example.org"), URL, "datasets[0].mirror_url"),
]

STRATEGY: list[Case] = [
    ({"strategy": "federated"}, RANGE, "strategy"),
    ({"strategy": None}, FORM, "strategy"),
    ({"topology": {"workers": 2}}, RANGE, "topology"),
    ({"topology": {}}, RANGE, "topology"),
    ({"strategy": "ddp"}, FORM, "topology"),
    ({"strategy": "ddp", "topology": {}}, FORM, "topology.workers"),
    ({"strategy": "ddp", "topology": 2}, FORM, "topology"),
    (ddp(workers=1), RANGE, "topology.workers"),
    (ddp(workers=65), RANGE, "topology.workers"),
    (ddp(workers=True), FORM, "topology.workers"),
    (ddp(workers="2"), FORM, "topology.workers"),
    (ddp(local_steps=30), RANGE, "topology.local_steps"),
    (ddp(outer_momentum="0.9"), RANGE, "topology.outer_momentum"),
    (ddp(aggregation="mean"), RANGE, "topology.aggregation"),
    (ddp(delay=0), RANGE, "topology.delay"),
    (ddp(adaptive=False), RANGE, "topology.adaptive"),
    (ddp(master_url="https://example.org"), URL, "topology.master_url"),
    (ddp(port=29500), KEY, "topology.port"),
    ({"strategy": "diloco"}, FORM, "topology"),
    ({"strategy": "diloco", "topology": {"workers": 4}}, FORM, "topology.local_steps"),
    ({"strategy": "diloco", "topology": {"local_steps": 30}}, FORM, "topology.workers"),
    (diloco(local_steps=0), RANGE, "topology.local_steps"),
    (diloco(local_steps=1001), RANGE, "topology.local_steps"),
    (diloco(local_steps=30.0), FORM, "topology.local_steps"),
    (diloco(local_steps=None), FORM, "topology.local_steps"),
    (diloco(outer_learning_rate="0"), RANGE, "topology.outer_learning_rate"),
    (diloco(outer_learning_rate=0.7), FORM, "topology.outer_learning_rate"),
    (diloco(outer_learning_rate=None), FORM, "topology.outer_learning_rate"),
    (diloco(outer_momentum="1"), RANGE, "topology.outer_momentum"),
    (diloco(outer_momentum="-0.1"), RANGE, "topology.outer_momentum"),
    (diloco(outer_momentum=Decimal("NaN")), FORM, "topology.outer_momentum"),
    (diloco(bits=16), RANGE, "topology.bits"),
    (diloco(bits=True), FORM, "topology.bits"),
    (diloco(bits="4"), FORM, "topology.bits"),
    (diloco(rank=8), RANGE, "topology.rank"),
    (diloco(delay=1), RANGE, "topology.delay"),
    (diloco(adaptive=True), RANGE, "topology.adaptive"),
    (diloco(aggregation="median"), RANGE, "topology.aggregation"),
    (diloco(aggregation="krum"), RANGE, "topology.workers"),
    (diloco(aggregation="trimmed_mean"), RANGE, "topology.workers"),
    (diloco(aggregation=None), FORM, "topology.aggregation"),
    (dilocox(rank=-1), RANGE, "topology.rank"),
    (dilocox(rank=1025), RANGE, "topology.rank"),
    (dilocox(delay=2), RANGE, "topology.delay"),
    (dilocox(delay=True), FORM, "topology.delay"),
    (dilocox(adaptive=1, rank=8), FORM, "topology.adaptive"),
    (dilocox(bits=1, rank=8), RANGE, "topology.rank"),
    (dilocox(bits=2), RANGE, "topology.bits"),
    (dilocox(phases=2), KEY, "topology.phases"),
    (dilocox(stages=0), RANGE, "topology.stages"),
    (diloco(stages=65), RANGE, "topology.stages"),
    (dilocox(stages="2"), FORM, "topology.stages"),
    (dilocox(stages=True), FORM, "topology.stages"),
    (dilocox(stages=None), FORM, "topology.stages"),
    (ddp(stages=2), RANGE, "topology.stages"),
    ({**preference(), **dilocox(stages=2)}, RANGE, "topology.stages"),
]

LIMITS: list[Case] = [
    (budget(carbon_grams=0), RANGE, "budget.carbon_grams"),
    (budget(carbon_grams=-1), RANGE, "budget.carbon_grams"),
    (budget(carbon_grams=CARBON_GRAMS_MAX + 1), RANGE, "budget.carbon_grams"),
    (budget(carbon_grams=True), FORM, "budget.carbon_grams"),
    (budget(carbon_grams="10"), FORM, "budget.carbon_grams"),
    (budget(carbon_grams=1.5), FORM, "budget.carbon_grams"),
    (budget(money="12.50 EUR"), FORM, "budget.money"),
    (budget(money=[]), FORM, "budget.money"),
    (budget(money={"amount": "1"}), FORM, "budget.money.currency"),
    (budget(money={"currency": "EUR"}), FORM, "budget.money.amount"),
    (money(amount="0"), RANGE, "budget.money.amount"),
    (money(amount="-5"), RANGE, "budget.money.amount"),
    (money(amount=12.5), FORM, "budget.money.amount"),
    (money(amount="12.505"), FORM, "budget.money.amount"),
    (money(amount="12,50"), FORM, "budget.money.amount"),
    (money(amount="NaN"), FORM, "budget.money.amount"),
    (money(amount=str(MONEY_MAX + 1)), RANGE, "budget.money.amount"),
    (money(currency="eur"), FORM, "budget.money.currency"),
    (money(currency="EURO"), FORM, "budget.money.currency"),
    (money(currency="€"), FORM, "budget.money.currency"),
    (money(currency=None), FORM, "budget.money.currency"),
    (money(account="x"), KEY, "budget.money.account"),
    (budget(tokens=5), KEY, "budget.tokens"),
    ({"deadline_seconds": 0}, RANGE, "deadline_seconds"),
    ({"deadline_seconds": DEADLINE_SECONDS_MAX + 1}, RANGE, "deadline_seconds"),
    ({"deadline_seconds": True}, FORM, "deadline_seconds"),
    ({"deadline_seconds": "3600"}, FORM, "deadline_seconds"),
    ({"deadline_seconds": "2027-01-01"}, FORM, "deadline_seconds"),
]

PINS: list[Case] = [
    (({key: value}), code, key)
    for key in ("environment", "code")
    for value, code in [
        ("", FORM),
        ("e5" * 31, FORM),
        ("E5" * 32, FORM),
        ("0x" + "e5" * 32, FORM),
        ("e5" * 32 + "\n", FORM),
        ("latest", FORM),
        (True, FORM),
        (5, FORM),
        ([], FORM),
        ({"sha256": "e5" * 32}, FORM),
        ("https://example.org/lock", URL),
        ("../lock", PATH),
    ]
]

GROUPS = {
    "objective": OBJECTIVE,
    "method": METHOD,
    "optimizer": OPTIMIZER,
    "length": LENGTH,
    "strategy": STRATEGY,
    "limits": LIMITS,
    "pins": PINS,
}
CASES = [
    pytest.param(case, id=f"{group}-{number}") for group, cases in GROUPS.items() for number, case in enumerate(cases)
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_what_is_offered_is_accepted_and_comes_back_unchanged(changes: Changes) -> None:
    spec = from_payload(payload(**changes))
    again = from_payload(spec.to_dict())
    assert again == spec
    assert again.digest == spec.digest


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_with_code_field_found_and_allowed(case: Case) -> None:
    changes, code, field = case
    with pytest.raises(SpecError) as caught:
        from_payload(payload(**changes))
    error = caught.value
    assert (error.code, error.field) == (code, field)
    assert error.found
    assert error.allowed


def test_every_group_has_twenty_variations() -> None:
    assert {group: len(cases) for group, cases in GROUPS.items() if len(cases) < 20} == {}


def test_what_is_left_out_of_an_exchange_is_what_diloco_found_best() -> None:
    topology = from_payload(payload(**diloco())).to_dict()["topology"]
    assert topology == {
        "workers": 4,
        "local_steps": 30,
        "outer_learning_rate": "0.7",
        "outer_momentum": "0.9",
        "rank": 0,
        "bits": 32,
        "delay": 0,
        "adaptive": False,
        "aggregation": "mean",
        "stages": 1,
    }


def test_money_has_one_spelling() -> None:
    assert from_payload(payload(**money())).digest == from_payload(payload(**money(amount="12.5"))).digest


# --- laws -------------------------------------------------------------------------------------------------------------


def decimals(smallest: str, largest: str, places: int = 6) -> st.SearchStrategy[str]:
    numbers = st.decimals(smallest, largest, places=places, allow_nan=False, allow_infinity=False)
    return numbers.map(lambda number: format(number, "f"))


@st.composite
def accepted_payloads(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a payload that is accepted: any objective, method, strategy and limits."""
    changes: Changes = draw(
        st.fixed_dictionaries(
            {
                "datasets": st.lists(
                    st.fixed_dictionaries(
                        {
                            "digest": st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}"),
                            "languages": st.lists(st.sampled_from(["en", "fr", "wo", "ful"]), min_size=1, max_size=6),
                        },
                        optional={"weight": st.integers(1, 16)},
                    ),
                    min_size=1,
                    max_size=4,
                    unique_by=lambda use: use["digest"],
                ),
                "learning_rate": decimals("0.000001", "1"),
                "epochs": st.integers(1, 1000),
            },
            optional={
                "betas": st.lists(decimals("0", "0.999999"), min_size=2, max_size=2),
                "epsilon": decimals("0.000001", "1"),
                "gradient_clip": st.none() | decimals("0.001", "1000"),
                "accumulation": st.integers(1, 1024),
                "checkpoint_steps": st.integers(1, 100_000),
                "environment": st.none() | st.just("e5" * 32),
                "code": st.none() | st.just("f6" * 32),
                "deadline_seconds": st.none() | st.integers(1, 10**6),
                "precision": st.sampled_from(["float32", "bfloat16"]),
            },
        )
    )
    changes |= draw(
        st.sampled_from([{}, {"packing": True}, {"objective": "continued", "packing": True}, preference("0.3")])
    )
    changes |= draw(st.sampled_from([{}, lora(), lora("qlora")]))
    workers, local_steps = draw(st.integers(5, 64)), draw(st.integers(1, 1000))
    aggregation = draw(st.sampled_from(spec_module.AGGREGATIONS))
    common = {"workers": workers, "local_steps": local_steps, "aggregation": aggregation}
    changes |= draw(
        st.sampled_from(
            [
                {},
                ddp(workers=workers),
                diloco(**common, bits=8),
                dilocox(**common, rank=16, bits=4, delay=1, adaptive=True, outer_learning_rate="1.0"),
            ]
        )
    )
    changes |= draw(st.sampled_from([{}, money(), budget(carbon_grams=5, money=None)]))
    return payload(**changes)


@given(accepted_payloads(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_every_accepted_payload_comes_back_and_no_order_changes_its_digest(
    value: dict[str, Any], order: random.Random
) -> None:
    spec = from_payload(value)
    assert from_payload(spec.to_dict()) == spec
    shuffled = shuffle(copy.deepcopy(value), order)
    assert from_payload(shuffled).digest == spec.digest


def shuffle(value: Any, order: random.Random) -> Any:
    """Return the same content in another order, of keys everywhere and of datasets and languages."""
    if isinstance(value, dict):
        items = [(key, item if key == "betas" else shuffle(item, order)) for key, item in value.items()]
        order.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [shuffle(item, order) for item in value]
        order.shuffle(items)
        return items
    return value


@given(accepted_payloads(), st.sampled_from(["learning_rate", "seed", "epochs", "accumulation", "topology", "packing"]))
@settings(max_examples=60)
def test_an_unknown_key_beside_anything_is_refused(value: dict[str, Any], beside: str) -> None:
    with pytest.raises(SpecError) as caught:
        from_payload({**value, f"{beside}2": 1})
    assert (caught.value.code, caught.value.field) == (KEY, f"{beside}2")


# --- what it takes ----------------------------------------------------------------------------------------------------


def test_the_mixture_counts_a_dataset_as_often_as_it_is_repeated() -> None:
    uses = [
        {"digest": DATASET, "languages": ["en"], "weight": 3},
        {"digest": OTHER, "languages": ["en"], "weight": 1},
    ]
    found = estimate(from_payload(payload(datasets=uses)), {DATASET: 100, OTHER: 40})
    assert found.tokens == 3 * 340 * 64
    assert found.steps == 3 * 11


def test_accumulation_makes_fewer_steps_of_the_same_tokens() -> None:
    plain, accumulated = (estimate(from_payload(payload(accumulation=many)), {DATASET: 1000}) for many in (1, 4))
    assert (plain.steps, accumulated.steps) == (96, 24)
    assert plain.tokens == accumulated.tokens


def test_packing_is_never_estimated_below_what_it_may_need() -> None:
    plain, packed = (estimate(from_payload(payload(packing=packing)), {DATASET: 1000}) for packing in (False, True))
    assert packed == plain


def test_a_long_text_is_estimated_by_its_bytes_because_it_is_cut_into_pieces() -> None:
    spec = from_payload(payload(objective="continued"))
    found = estimate(spec, {DATASET: 1}, {DATASET: 63_000})
    assert found.tokens == 3 * 1001 * 64
    with pytest.raises(KeyError):
        estimate(spec, {DATASET: 1})
    with pytest.raises(SpecError, match="budget_exceeded"):
        require_within_budget(spec, {DATASET: 1}, {DATASET: 64_000_000})


def test_workers_divide_the_steps_and_pay_together() -> None:
    alone = estimate(from_payload(payload()), {DATASET: 4096})
    together = estimate(from_payload(payload(**diloco())), {DATASET: 4096})
    assert together.steps * 4 == alone.steps
    assert together.tokens == alone.tokens
    assert together.device_seconds % 4 == 0
    assert 0 <= together.device_seconds - alone.device_seconds < 4


def test_preference_reads_two_answers_and_asks_the_base_model_too() -> None:
    plain = estimate(from_payload(payload()), {DATASET: 10_000})
    compared = estimate(from_payload(payload(**preference())), {DATASET: 10_000})
    assert compared.tokens == 2 * plain.tokens
    assert compared.device_seconds > 2 * plain.device_seconds


@pytest.mark.parametrize(
    ("changes", "records", "code", "field"),
    [
        ({}, 1_000_000, "budget_exceeded", "budget.device_seconds"),
        (diloco(), 1_000_000, "budget_exceeded", "budget.device_seconds"),
        (preference(), 1400, "budget_exceeded", "budget.device_seconds"),
        (dataset(weight=2), 1000, "budget_exceeded", "budget.device_seconds"),
        ({"accumulation": 33}, 1000, RANGE, "accumulation"),
        ({"accumulation": 2}, 32, RANGE, "accumulation"),
        (diloco(local_steps=25), 1000, RANGE, "topology.local_steps"),
        (diloco(local_steps=24) | {"accumulation": 2}, 1000, RANGE, "topology.local_steps"),
        (diloco(workers=64, local_steps=1), 600, RANGE, "topology.workers"),
        (ddp(workers=10), 90, RANGE, "topology.workers"),
        ({"deadline_seconds": 10}, 1000, RANGE, "deadline_seconds"),
    ],
)
def test_what_cannot_be_paid_or_never_gets_to_a_step_is_refused(
    changes: Changes, records: int, code: str, field: str
) -> None:
    small = budget(device_seconds=60) if field.startswith("budget") and "topology" not in changes else {}
    spec = from_payload(payload(**{**small, **changes}))
    with pytest.raises(SpecError) as caught:
        require_within_budget(spec, {DATASET: records})
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.found
    assert caught.value.allowed


@pytest.mark.parametrize(
    ("changes", "records"),
    [
        ({"accumulation": 32}, 1000),
        ({"accumulation": 1}, 3),
        (diloco(local_steps=24), 1000),
        (ddp(workers=3), 32),
        ({"deadline_seconds": 77}, 1000),
    ],
)
def test_what_just_suffices_is_accepted(changes: Changes, records: int) -> None:
    require_within_budget(from_payload(payload(**changes)), {DATASET: records})
