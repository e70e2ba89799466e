"""A specification in words: what its choices are called, and what another one does otherwise, in the reader's language.

Knows neither forms nor the database; titles of datasets are passed in.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from models_registry.languages import language_names
from training_jobs.spec import Change

DIGEST_CHARACTERS_SHOWN = 12
FULL_BITS = 32

OBJECTIVES: dict[str, Promise] = {
    "supervised": gettext_lazy("answers to questions"),
    "continued": gettext_lazy("plain text, every word of it"),
    "preference": gettext_lazy("which of two answers is better"),
}
METHODS: dict[str, Promise] = {
    "full": gettext_lazy("Full fine-tuning"),
    "lora": gettext_lazy("LoRA adapter, merged"),
    "qlora": gettext_lazy("LoRA adapter over 4-bit weights, merged"),
}
PRECISIONS: dict[str, Promise] = {
    "float32": gettext_lazy("32 bits"),
    "bfloat16": gettext_lazy("16 bits (bfloat16), faster on a GPU"),
}
TEMPLATES: dict[str, Promise] = {
    "plain-turns": gettext_lazy("plain turns (<|user|>, <|assistant|>, <|end|>)"),
    "chatml": gettext_lazy("ChatML (<|im_start|>, <|im_end|>), as in Qwen"),
}
STRATEGIES: dict[str, Promise] = {
    "single": gettext_lazy("One machine"),
    "ddp": gettext_lazy("Several machines that agree after every step"),
    "fsdp": gettext_lazy("Several devices of one machine, each with a part of every weight (FSDP)"),
    "pipeline": gettext_lazy("Several devices of one machine, each with some of the layers"),
    "diloco": gettext_lazy("Several sites that exchange now and then (DiLoCo)"),
    "dilocox": gettext_lazy("Several sites over slow links, compressed and delayed (DiLoCoX)"),
}
AGGREGATIONS: dict[str, Promise] = {
    "mean": gettext_lazy("plain mean"),
    "trimmed_mean": gettext_lazy("trimmed mean"),
    "centred_clipping": gettext_lazy("centred clipping"),
    "krum": gettext_lazy("Krum"),
}

_FIELDS: dict[str, Promise] = {
    "base": gettext_lazy("The version it starts from"),
    "datasets.languages": gettext_lazy("The language selection"),
    "datasets.weight": gettext_lazy("The number of repetitions in each epoch"),
    "preference.beta": gettext_lazy("The hold on the base model (beta)"),
    "lora.rank": gettext_lazy("The LoRA rank"),
    "lora.alpha": gettext_lazy("The strength of the adapter (alpha)"),
    "optimizer": gettext_lazy("The optimizer"),
    "learning_rate": gettext_lazy("The learning rate"),
    "weight_decay": gettext_lazy("The weight decay"),
    "betas": gettext_lazy("The memory of the optimizer (betas)"),
    "epsilon": gettext_lazy("The epsilon of the optimizer"),
    "gradient_clip": gettext_lazy("The bound on the gradient"),
    "schedule": gettext_lazy("The schedule of the learning rate"),
    "warmup_steps": gettext_lazy("The number of warm-up steps"),
    "batch_size": gettext_lazy("The batch size"),
    "accumulation": gettext_lazy("The number of batches per step"),
    "sequence_length": gettext_lazy("The sequence length"),
    "packing": gettext_lazy("The packing of several rows into one sequence"),
    "epochs": gettext_lazy("The number of epochs"),
    "seed": gettext_lazy("The seed"),
    "precision": gettext_lazy("The precision"),
    "template": gettext_lazy("The format of the turns"),
    "topology.workers": gettext_lazy("The number of participants"),
    "topology.local_steps": gettext_lazy("The number of steps between two exchanges"),
    "topology.outer_learning_rate": gettext_lazy("The learning rate of the exchange"),
    "topology.outer_momentum": gettext_lazy("The momentum of the exchange"),
    "topology.rank": gettext_lazy("The rank of what is exchanged"),
    "topology.bits": gettext_lazy("The number of bits exchanged per value"),
    "topology.delay": gettext_lazy("The delay of the exchange"),
    "topology.adaptive": gettext_lazy("The adaptation of rank and steps on the way"),
    "topology.aggregation": gettext_lazy("The way of averaging the contributions"),
    "topology.stages": gettext_lazy("The number of stages at each site"),
    "checkpoint_steps": gettext_lazy("The number of steps between two checkpoints"),
    "environment": gettext_lazy("The required environment"),
    "code": gettext_lazy("The required trainer code"),
    "evaluation.suite": gettext_lazy("The evaluation suite"),
    "output": gettext_lazy("The name of the result"),
    "budget.device_seconds": gettext_lazy("The budget in device-seconds"),
    "budget.carbon_grams": gettext_lazy("The carbon budget in grams"),
    "budget.money": gettext_lazy("The budget in money"),
    "deadline_seconds": gettext_lazy("The deadline in seconds"),
}


def sentence(change: Change, titles: Mapping[str, str]) -> str:
    """Say one change; `titles` names datasets by their digests, and one without a title shows the digest's start."""
    if change.field == "datasets":
        words = _("One dataset more: %(dataset)s") if change.code == "added" else _("One dataset less: %(dataset)s")
        return words % {"dataset": dataset(change.new or change.old, titles)}
    if change.field in _CHOICES:
        words, what = _CHOICES[change.field]
        return words() % {"old": what(change.old), "new": what(change.new)}
    return _pattern(change) % {
        "what": _FIELDS[change.field],
        "title": _title(change.subject, titles),
        "old": _value(change.field, change.old, titles),
        "new": _value(change.field, change.new, titles),
        "factor": "" if change.times is None else max(change.times, 1 / change.times),
    }


def dataset(use: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Say which dataset is used, in which languages, and how often where that is more than once."""
    words = f"{_title(use['digest'], titles)} ({language_names(use['languages'])})"
    if use["weight"] == 1:
        return words
    return _("%(dataset)s, %(n)d times in each epoch") % {"dataset": words, "n": use["weight"]}


def particulars(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return label and text of what voters should know beyond data, method and length, from the canonical form."""
    budget, seconds = spec["budget"], spec["deadline_seconds"]
    grams, batches = budget["carbon_grams"], spec["accumulation"]
    lines = [
        (_("What is learned"), learned(spec["objective"], spec["preference"])),
        (_("Format of the turns"), str(TEMPLATES[spec["template"]])),
        (_("Precision"), str(PRECISIONS[spec["precision"]])),
        (_("Where it trains"), place(spec["strategy"], spec["topology"])),
    ]
    if batches > 1:
        lines.append((_("Batches per step"), str(batches)))
    if spec["packing"]:
        lines.append((_("Packing"), _("several rows share one sequence")))
    if spec["gradient_clip"] is not None:
        lines.append((_("Bound on the gradient"), spec["gradient_clip"]))
    if budget["money"] is not None:
        lines.append((_("Money"), _("at most %(amount)s") % {"amount": money(budget["money"])}))
    if grams is not None:
        words = ngettext("at most %(n)d gram of CO₂", "at most %(n)d grams of CO₂", grams)
        lines.append((_("Carbon"), words % {"n": grams}))
    if seconds is not None:
        words = ngettext("%(n)d second after it takes effect", "%(n)d seconds after it takes effect", seconds)
        lines.append((_("Deadline"), words % {"n": seconds}))
    pins = ((_("Required environment"), "environment"), (_("Required trainer code"), "code"))
    lines += [(label, spec[key][:DIGEST_CHARACTERS_SHOWN]) for label, key in pins if spec[key] is not None]
    return lines


def learned(objective: str, preference: Mapping[str, Any] | None) -> str:
    """Say what is learned."""
    words = str(OBJECTIVES[objective])
    return words if preference is None else f"{words} (beta {preference['beta']})"


def method(name: str, lora: Mapping[str, Any] | None) -> str:
    """Say how the weights change."""
    if lora is None:
        return _("full fine-tuning")
    if name == "qlora":
        return _("LoRA of rank %(rank)d over 4-bit weights") % {"rank": lora["rank"]}
    return _("LoRA of rank %(rank)d") % {"rank": lora["rank"]}


def place(strategy: str, topology: Mapping[str, Any] | None) -> str:
    """Say where it trains and how those who take part agree."""
    if topology is None:
        return _("one machine")
    workers = topology["workers"]
    if strategy == "ddp":
        return _("%(workers)d machines that agree after every step") % {"workers": workers}
    if strategy == "fsdp":
        return _("%(workers)d devices of one machine, each with a part of every weight") % {"workers": workers}
    if strategy == "pipeline":
        return _("%(workers)d devices of one machine, each with some of the layers") % {"workers": workers}
    steps = topology["local_steps"]
    words = ngettext(
        "%(workers)d sites that exchange after every step", "%(workers)d sites that exchange every %(n)d steps", steps
    ) % {"workers": workers, "n": steps}
    details = _exchange(topology)
    return f"{words} ({', '.join(details)})" if details else words


def money(value: Mapping[str, str]) -> str:
    """Say an amount with its currency."""
    amount = f"{Decimal(value['amount']):.2f}"
    return f"{number_format(amount)} {value['currency']}"


def _exchange(topology: Mapping[str, Any]) -> list[str]:
    """Say what is special in an exchange; the plain mean of whole values is not."""
    details = []
    if topology["rank"]:
        details.append(_("rank %(rank)d") % {"rank": topology["rank"]})
    if topology["bits"] == 1:
        details.append(_("signs alone"))
    elif topology["bits"] < FULL_BITS:
        details.append(_("%(bits)d bits") % {"bits": topology["bits"]})
    if topology["delay"]:
        details.append(_("one exchange late"))
    if topology["adaptive"]:
        details.append(_("adapting on the way"))
    if topology["aggregation"] != "mean":
        details.append(str(AGGREGATIONS[topology["aggregation"]]))
    if topology["stages"] > 1:
        details.append(_("%(stages)d pipeline stages at each site") % {"stages": topology["stages"]})
    return details


# Objective, method and strategy change together with the part that belongs to them.
_CHOICES = {
    "objective": (
        lambda: _("Learns %(new)s instead of %(old)s"),
        lambda side: learned(side["objective"], side["preference"]),
    ),
    "method": (lambda: _("Trains by %(new)s instead of %(old)s"), lambda side: method(side["method"], side["lora"])),
    "strategy": (
        lambda: _("Trains on %(new)s instead of on %(old)s"),
        lambda side: place(side["strategy"], side["topology"]),
    ),
}


def _pattern(change: Change) -> str:
    if change.subject:
        return _("%(what)s of %(title)s changes: %(old)s → %(new)s")
    if change.times is not None:
        return _amount(change.times)
    if change.code == "added":
        return _("%(what)s had no value and is now %(new)s")
    if change.code == "removed":
        return _("%(what)s was %(old)s and has no value any more")
    return _("%(what)s changes: %(old)s → %(new)s")


def _amount(times: Fraction) -> str:
    """Return the sentence for an amount that is `times` the old one."""
    whole = max(times, 1 / times).denominator == 1
    if times == 2:  # noqa: PLR2004 - the double
        return _("%(what)s doubles: %(old)s → %(new)s")
    if times == Fraction(1, 2):
        return _("%(what)s halves: %(old)s → %(new)s")
    if times > 1:
        grows = _("%(what)s grows by a factor of %(factor)s: %(old)s → %(new)s")
        return grows if whole else _("%(what)s grows: %(old)s → %(new)s")
    shrinks = _("%(what)s shrinks by a factor of %(factor)s: %(old)s → %(new)s")
    return shrinks if whole else _("%(what)s shrinks: %(old)s → %(new)s")


_SHOWN: dict[str, Callable[[Any], str]] = {
    "base": lambda base: f"{base['model']}@{base['revision'][:DIGEST_CHARACTERS_SHOWN]}",
    "datasets.languages": language_names,
    "environment": lambda digest: str(digest[:DIGEST_CHARACTERS_SHOWN]),
    "code": lambda digest: str(digest[:DIGEST_CHARACTERS_SHOWN]),
    "budget.money": money,
    "template": lambda name: str(TEMPLATES[name]),
    "topology.aggregation": lambda name: str(AGGREGATIONS[name]),
}


def _value(field: str, value: Any, titles: Mapping[str, str]) -> str:  # noqa: ANN401 - JSON is any shape
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if field == "evaluation.suite":
        return _title(value, titles)
    if field in _SHOWN and value is not None:
        return _SHOWN[field](value)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _title(digest: str, titles: Mapping[str, str]) -> str:
    return titles.get(digest, digest[:DIGEST_CHARACTERS_SHOWN])
