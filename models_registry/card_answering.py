"""The parts of a model card that say who answers for the release, and what its proposal had promised. Pure.

They come as headings, sentences and rows of plain text; `card` escapes and writes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from governance.evidence.record import Record
from models_registry.promises import Delivered, delivered
from models_registry.responsibility import Approved, Reviewed, promised, responsibility

_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Part:
    """One section: a heading, a sentence, and a table if there is one."""

    heading: str
    sentence: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def parts(records: Mapping[str, Record], run: Record, evaluation: Record, model: str, language: str) -> list[Part]:
    """Return the sections in this language; that on promises only where some were voted on."""
    words = WORDS[language]
    found = delivered(promised(records, run), evaluation.body, model)
    told = [Part(words["promised"], words["promised_text"], words["promised_head"], _promises(found, language))]
    return [*(told if found else []), _answering(records, run, evaluation, language)]


def _promises(found: tuple[Delivered, ...], language: str) -> tuple[tuple[str, ...], ...]:
    words = WORDS[language]
    return tuple(
        (
            each.promise.metric,
            words["comparators"].get(each.promise.comparator, each.promise.comparator)
            + f" {_number(each.promise.text, language)}",
            _NOTHING if each.measured is None else _decimal(each.measured, language),
            words["kept"] if each.kept else words["not_kept"],
        )
        for each in found
    )


def _answering(records: Mapping[str, Record], run: Record, evaluation: Record, language: str) -> Part:
    words, found = WORDS[language], responsibility(records, run, evaluation)
    training = found.training
    rows = [
        (words["proposed"], ", ".join([training.author, *training.sponsors])),
        (words["approved"], _vote(training, language)),
        (
            words["executed"],
            words["run"].format(
                run=found.run, attempt=found.attempt, device=found.device or _NOTHING, isolation=found.isolation
            ),
        ),
        (words["signed"], ", ".join([found.key_fingerprint, *found.guardians])),
        *([(words["reviewed"], _reviewed(found.reviewed, language))] if found.reviewed else []),
        (words["overridden"], _overridden(found.overridden, language)),
        (words["ask"], found.incidents_page),
    ]
    return Part(words["answering"], words["answering_text"], words["answering_head"], tuple(rows))


def _reviewed(reviewed: Iterable[Reviewed], language: str) -> str:
    words = WORDS[language]
    said = (f"{one.reviewer}: {words['objects'] if one.objects else words['nothing_to_object']}" for one in reviewed)
    return ", ".join(said)


def _overridden(overridden: Any, language: str) -> str:  # noqa: ANN401 - Overridden or None
    words = WORDS[language]
    if overridden is None:
        return str(words["nothing"])
    rules = ", ".join(overridden.rules)
    return f"{rules} – {overridden.reason} ({_vote(overridden.vote, language)})"


def _vote(vote: Approved, language: str) -> str:
    share = _NOTHING if vote.support is None else _decimal(vote.support * 100, language, places=2)
    day = datetime.fromtimestamp(vote.executed_at, UTC).strftime("%Y-%m-%d")
    text: str = WORDS[language]["vote"]
    return text.format(number=vote.number, share=share, ballots=vote.ballots, day=day)


def _decimal(ratio: Fraction, language: str, places: int = 4) -> str:
    """Round half up to `places` decimals, in integers; drop zeros at the end."""
    scaled = (ratio * 10**places + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(scaled), 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0")
    return _number(f"{'-' if scaled < 0 else ''}{whole}{'.' if decimals else ''}{decimals}", language)


def _number(text: str, language: str) -> str:
    return text if language == "en" else text.replace(".", ",")


WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "promised": "Promised and delivered",
        "promised_text": "What the proposal said that this version would measure. Promises bind nobody; the gates do.",
        "promised_head": ("Metric", "Promised", "Measured", "Result"),
        "comparators": {
            "at_most": "at most",
            "at_least": "at least",
            "not_below_parent": "below the parent by at most",
            "not_above_parent": "above the parent by at most",
        },
        "kept": "kept",
        "not_kept": "not kept",
        "answering": "Who answers for it",
        "answering_text": "As the signed records say. Votes are named by power and number, not by persons.",
        "answering_head": ("What", "Who"),
        "proposed": "Proposed by",
        "approved": "Approved by",
        "executed": "Executed by",
        "signed": "Signed with",
        "reviewed": "Reviewed before the release",
        "objects": "objects",
        "nothing_to_object": "nothing to object",
        "overridden": "Overridden",
        "nothing": "nothing",
        "ask": "Report harm, and ask",
        "run": "run {run}, attempt {attempt}, on: {device}; isolation: {isolation}",
        "vote": "proposal {number}: {share}% of all voting power for it, {ballots} ballots, executed {day}",
    },
    "fr": {
        "promised": "Promis et tenu",
        "promised_text": (
            "Ce que la proposition annonçait comme mesures de cette version. Une promesse n’oblige personne"
            "\N{NARROW NO-BREAK SPACE}; les contrôles, si."
        ),
        "promised_head": ("Mesure", "Promis", "Mesuré", "Résultat"),
        "comparators": {
            "at_most": "au plus",
            "at_least": "au moins",
            "not_below_parent": "sous la version précédente d’au plus",
            "not_above_parent": "au-dessus de la version précédente d’au plus",
        },
        "kept": "tenu",
        "not_kept": "non tenu",
        "answering": "Qui en répond",
        "answering_text": (
            "D’après les enregistrements signés. Les votes sont nommés par leur pouvoir et leur nombre, pas par des "
            "personnes."
        ),
        "answering_head": ("Quoi", "Qui"),
        "proposed": "Proposée par",
        "approved": "Approuvée par",
        "executed": "Exécutée par",
        "signed": "Signée avec",
        "reviewed": "Relue avant la publication",
        "objects": "objection",
        "nothing_to_object": "rien à objecter",
        "overridden": "Passé outre",
        "nothing": "rien",
        "ask": "Signaler un dommage et demander",
        "run": (
            "entraînement {run}, tentative {attempt}, sur\N{NO-BREAK SPACE}: {device}\N{NARROW NO-BREAK SPACE}; "
            "isolation\N{NO-BREAK SPACE}: {isolation}"
        ),
        "vote": (
            "proposition {number}\N{NO-BREAK SPACE}: {share}\N{NO-BREAK SPACE}% de tout le pouvoir de vote pour, "
            "{ballots} bulletins, exécutée le {day}"
        ),
    },
}
