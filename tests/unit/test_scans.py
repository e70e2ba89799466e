"""Dataset scans: a planted bad row is found, a clean community corpus is not flagged, and every entry keeps the shared law."""

import sys
import time
import unicodedata
from dataclasses import replace

import pytest
from django.utils import translation

from frontend.words import scans as words
from models_registry.datasets.scans import SCANS, Context, Row, ScanResult, blocking, run_all
from models_registry.datasets.scans.base import ORDINARY, normalised
from models_registry.datasets.scans.sentences import SAMPLED, SENTENCES, first_lines

CLEAN: list[dict[str, str]] = [
    {
        "id": f"{language}-{number}",
        "language": language,
        "question": question.format(number),
        "answer": answer.format(number * 10),
        "topic": "irrigation",
    }
    for number in range(1, 30)
    for language, question, answer in (
        (
            "en",
            "How long may plot {} draw water in dry weeks?",
            "At most {} minutes, on 2026-07-14 between 06:30 and 09:00.",
        ),
        (
            "fr",
            "Combien de temps la parcelle {} peut-elle puiser ?",
            "Au plus {} minutes ; soit 1 250 000 litres par saison (±2 %).",
        ),
    )
]
CONTEXT = Context(
    licence="CC-BY-SA-4.0",
    model_licences=("cc-by-sa-4.0",),
    suite_questions=("Who opens the north sluice when the river is above the red mark?",),
)


def planted(**changes: str) -> list[Row]:
    return [*CLEAN, CLEAN[0] | {"id": "planted"} | changes]


def run(name: str, rows: list[Row], context: Context = CONTEXT) -> ScanResult:
    return SCANS[name].run(rows, context)


# What each scan must find: one row planted among clean ones, or one context. Scans of poison have tests of their own.
PLANTED: dict[str, tuple[list[Row], Context]] = {
    "schema_and_languages": ([*CLEAN, CLEAN[0]], CONTEXT),
    "languages": (
        planted(question="Qui a fermé la porte de la grange ?", answer="Le gardien, après la pluie."),
        CONTEXT,
    ),
    "licence": (list(CLEAN), Context(licence="CC-BY-NC-4.0")),
    "licence_fit": (list(CLEAN), Context(licence="CC-BY-SA-4.0", model_licences=("apache-2.0",))),
    "licence_traces": (planted(answer="© 2021 The Valley Press. All rights reserved."), CONTEXT),
    "personal_data": (planted(answer="Write to keeper@example.org."), CONTEXT),
    "secrets": (planted(answer="Use hf_abcdefghijklmnopqrstuvwxyzABCDEFGH here."), CONTEXT),
    "hidden_characters": (planted(answer="Open\u200b the sluice."), CONTEXT),
    "confusable_letters": (planted(answer="Open the sluic\u0435 now."), CONTEXT),
    "contamination": (planted(question=CONTEXT.suite_questions[0].upper()), CONTEXT),
    "shared_passages": (
        planted(answer=CONTEXT.suite_questions[0]),
        replace(CONTEXT, suite_questions=(CONTEXT.suite_questions[0][:-1] + " today?",)),
    ),
    "harmful_language": (planted(answer="Immigrants are mostly criminals."), CONTEXT),
    "exact_duplicates": (planted(), CONTEXT),
    "near_duplicates": (planted(question="how LONG may plot 1 draw water, in dry weeks"), CONTEXT),
    "answers": (planted(question="Who may swim here?", answer="..."), CONTEXT),
}


def test_every_scan_has_words_in_its_own_english_and_a_case_here() -> None:
    own = {name for name, scan in SCANS.items() if name in words.SCANS}
    assert set(PLANTED) <= own
    with translation.override("en"):
        for name in own:
            shown = words.SCANS[name]
            said = (str(shown.label), str(shown.says), str(words.BLIND[name]))
            assert said == (SCANS[name].label, SCANS[name].description, SCANS[name].blind_to)
        assert {code: str(said) for code, said in words.SAID.items()} == SENTENCES
        assert str(words.SAMPLED) == SAMPLED


@pytest.mark.parametrize("name", PLANTED)
def test_every_scan_finds_what_is_planted_and_passes_a_clean_corpus(name: str) -> None:
    scan = SCANS[name]
    assert scan.name == name
    assert scan.version >= 1
    clean = scan.run(CLEAN, CONTEXT)
    assert (clean.passed, clean.found, clean.scan) == (True, 0, name), clean.detail
    assert (clean.samples, dict(clean.kinds)) == ((), {})
    rows, context = PLANTED[name]
    found = scan.run(rows, context)
    assert (found.passed, found.found) == (False, 1), found.detail
    assert found.detail != clean.detail
    assert sum(found.kinds.values()) == 1
    assert set(found.kinds) <= set(words.FOUND)
    assert [sample.what for sample in found.samples] == list(found.kinds)
    assert found.samples[0].line in ({0} if name in {"licence", "licence_fit"} else {len(rows)})
    with translation.override("en"):
        for result in (clean, found):
            assert words.sentence(result.to_dict()) == result.detail.replace(", ".join(found.kinds), words_of(found))


def words_of(found: ScanResult) -> str:
    """Return the kinds of findings as English pages name them, which is not always their key."""
    return ", ".join(str(words.FOUND[kind]) for kind in found.kinds)


@pytest.mark.parametrize("name", PLANTED)
def test_the_order_of_rows_does_not_change_what_is_found(name: str) -> None:
    rows, context = PLANTED[name]
    assert run(name, rows, context).found == run(name, list(reversed(rows)), context).found


def test_a_clean_corpus_passes_every_scan_and_blocks_nothing() -> None:
    results = run_all(CLEAN, CONTEXT)
    assert [result.scan for result in results] == list(SCANS)
    assert blocking(results) == []
    assert results[0].to_dict() == {
        "scan": "schema_and_languages",
        "version": 2,
        "passed": True,
        "found": 0,
        "detail": "Rows by language: en 29, fr 29.",
        "said": "rows_by_language",
        "facts": {"counted": "en 29, fr 29"},
        "lines": {"first": [], "count": 0},
        "kinds": {},
        "samples": [],
        "looked_at": None,
        "unfinished": None,
    }


def test_a_finding_is_told_with_its_line_its_field_and_the_words_around_it() -> None:
    result = run("harmful_language", planted(answer="It is said that old people are useless here."))
    assert result.to_dict()["samples"] == [
        {
            "line": 59,
            "what": "generalisation about a group",
            "field": "answer",
            "before": "It is said that ",
            "found": "old people are useless",
            "after": " here.",
            "like": 0,
        }
    ]
    assert result.detail == "Found generalisation about a group 1, on line 59."


def test_a_scan_with_nothing_to_compare_is_absent_rather_than_passed() -> None:
    names = {result.scan for result in run_all(CLEAN, Context(licence="MIT"))}
    assert names.isdisjoint({"contamination", "shared_passages", "licence_fit"})


def test_only_the_scans_that_declare_it_block_inclusion() -> None:
    duplicates = run_all(planted(), CONTEXT)
    assert [result.scan for result in duplicates if not result.passed] == ["exact_duplicates"]
    assert blocking(duplicates) == []
    private = run_all(planted(question="Who?", answer="keeper@example.org"), CONTEXT)
    assert [result.scan for result in blocking(private)] == ["personal_data"]


def test_no_rows_at_all_are_refused() -> None:
    assert not run("schema_and_languages", []).passed


def test_a_suite_question_inside_a_longer_text_is_contamination() -> None:
    inside = "Remember this one: " + CONTEXT.suite_questions[0] + " The keeper."
    assert run("contamination", planted(answer=inside)).found == 1


def test_a_short_suite_question_inside_a_longer_text_is_chance() -> None:
    context = Context(suite_questions=("Why water?",))
    assert run("contamination", planted(answer="Why water? Because it is dry."), context).passed
    assert not run("contamination", planted(question="why WATER"), context).passed


def test_an_unlucky_text_does_not_make_the_scans_slow() -> None:
    unlucky = [
        "a" * 60_000,
        "a@" * 30_000,
        "1 " * 30_000,
        "+1" * 30_000,
        "<|" * 30_000,
        "FR76" * 15_000,
        "a." * 30_000,
        "a." * 30_000 + "a" * 64,
        "f u " * 15_000,
        "f*" * 30_000,
        "aaa" * 20_000,
        "password: " * 6_000,
        "women are all " * 4_000,
        "((" * 30_000,
        "1:" * 30_000,
    ]
    rows = [CLEAN[0] | {"id": str(number), "answer": text} for number, text in enumerate(unlucky)]
    started = time.process_time()
    run_all(rows, CONTEXT)
    assert time.process_time() - started < 10


def test_lines_are_named_in_order_and_counted() -> None:
    assert first_lines([3], 1) == "line 3"
    assert first_lines([1, 9], 2) == "lines 1, 9"
    assert first_lines(range(1, 6), 8) == "lines 1, 2, 3, 4, 5 and 3 more"


def test_normalising_keeps_digits_and_drops_disguise() -> None:
    assert normalised("  Où\u200b, à 10 LITRES ?") == normalised("ou a 10 litres")
    assert normalised("10 litres") != normalised("20 litres")


def test_the_list_of_ordinary_characters_holds_no_invisible_one() -> None:
    ordinary = [chr(code) for code in range(sys.maxunicode + 1) if ORDINARY.fullmatch(chr(code))]
    assert {unicodedata.category(character)[0] for character in ordinary} - {"C"} == {"L", "N", "P", "S", "Z"}
    assert [character for character in ordinary if unicodedata.category(character)[0] == "C"] == ["\t", "\n"]
    assert not {unicodedata.category(character) for character in ordinary} & {"Zl", "Zp"}
    assert set("àâæçéèêëîïôœùûüÿ«»’“”…–—€×°½²³").issubset(ordinary)
