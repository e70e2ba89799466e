"""Dataset scans: a planted bad row is found, a clean community corpus is not flagged, and every entry keeps the shared law."""

import sys
import time
import unicodedata

import pytest

from models_registry.datasets.scans import SCANS, Context, Row, ScanResult, blocking, run_all
from models_registry.datasets.scans.base import ORDINARY, normalised, on_lines

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
    suite_questions=("Who opens the north sluice when the river is above the red mark?",),
)


def planted(**changes: str) -> list[Row]:
    return [*CLEAN, CLEAN[0] | {"id": "planted"} | changes]


def run(name: str, rows: list[Row], context: Context = CONTEXT) -> ScanResult:
    return SCANS[name].run(rows, context)


# What each scan must find: one row planted among clean ones, or one context.
PLANTED: dict[str, tuple[list[Row], Context]] = {
    "schema_and_languages": ([*CLEAN, CLEAN[0]], CONTEXT),
    "exact_duplicates": (planted(), CONTEXT),
    "near_duplicates": (planted(question="how LONG may plot 1 draw water, in dry weeks"), CONTEXT),
    "personal_data": (planted(answer="Write to keeper@example.org."), CONTEXT),
    "hidden_characters": (planted(answer="Open\u200b the sluice."), CONTEXT),
    "contamination": (planted(question=CONTEXT.suite_questions[0].upper()), CONTEXT),
    "licence": (list(CLEAN), Context(licence="CC-BY-NC-4.0")),
}


@pytest.mark.parametrize("name", SCANS)
def test_every_scan_finds_what_is_planted_and_passes_a_clean_corpus(name: str) -> None:
    scan = SCANS[name]
    assert scan.name == name
    assert scan.label
    assert scan.description
    assert scan.version >= 1
    clean = scan.run(CLEAN, CONTEXT)
    assert (clean.passed, clean.found, clean.scan) == (True, 0, name), clean.detail
    rows, context = PLANTED[name]
    found = scan.run(rows, context)
    assert (found.passed, found.found) == (False, 1), found.detail
    assert found.detail != clean.detail


@pytest.mark.parametrize("name", SCANS)
def test_the_order_of_rows_does_not_change_what_is_found(name: str) -> None:
    rows, context = PLANTED[name]
    assert run(name, rows, context).found == run(name, list(reversed(rows)), context).found


def test_a_clean_corpus_passes_every_scan_and_blocks_nothing() -> None:
    results = run_all(CLEAN, CONTEXT)
    assert [result.scan for result in results] == list(SCANS)
    assert blocking(results) == []
    assert results[0].to_dict() == {
        "scan": "schema_and_languages",
        "version": 1,
        "passed": True,
        "found": 0,
        "detail": "Rows by language: en 29, fr 29.",
    }


def test_a_scan_with_nothing_to_compare_is_absent_rather_than_passed() -> None:
    assert "contamination" not in [result.scan for result in run_all(CLEAN, Context(licence="MIT"))]


def test_only_the_scans_that_declare_it_block_inclusion() -> None:
    duplicates = run_all(planted(), CONTEXT)
    assert [result.scan for result in duplicates if not result.passed] == ["exact_duplicates"]
    assert blocking(duplicates) == []
    private = run_all(planted(question="Who?", answer="keeper@example.org"), CONTEXT)
    assert [result.scan for result in blocking(private)] == ["personal_data"]


def test_no_rows_at_all_are_refused() -> None:
    assert not run("schema_and_languages", []).passed


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mail jean.dupont+eau@mairie.example.fr now", "e-mail address"),
        ("mail jean\u200b@mairie.example.fr", "e-mail address"),
        ("ｊｅａｎ＠ｍａｉｒｉｅ．ｆｒ", "e-mail address"),
        ("call +33 6 12 34 56 78", "phone number"),
        ("call 0033612345678", "phone number"),
        ("appelez le 06.12.34.56.78", "phone number"),
        ("appelez le 0612345678", "phone number"),
        ("call (415) 555-0132", "phone number"),
        ("call +1 415 555 0132", "phone number"),
        ("IBAN FR76 3000 6000 0112 3456 7890 189", "bank account"),
        ("pay to GB29NWBK60161331926819 today", "bank account"),
        ("pay to de89 3704 0044 0532 0130 00 please", "bank account"),
        ("card 4111 1111 1111 1111", "payment card"),
        ("card 5500-0000-0000-0004", "payment card"),
        ("card 378282246310005", "payment card"),
        ("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "Hugging Face token"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "GitHub token"),
        ("AKIAIOSFODNN7EXAMPLE", "AWS key"),
        ("0x" + "ab" * 32, "private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
    ],
)
def test_personal_data_is_found_counted_and_never_quoted(text: str, kind: str) -> None:
    result = run("personal_data", planted(answer=text))
    assert (result.passed, result.found) == (False, 1), result.detail
    assert kind in result.detail
    assert text not in result.detail


@pytest.mark.parametrize(
    "text",
    [
        "From 2024-01-01 to 2026-12-31, 1 500 000 litres at 3.14 bar.",
        "Meter 4111 1111 1111 1112 has a wrong checksum.",
        "FR76 3000 6000 0112 3456 7890 188 has a wrong checksum.",
        "Reference 0000 0000 0000 0000.",
        "Commit 0x1234abcd and digest " + "ab" * 32,
        "Twitter @water_commons, version 1.2.3, room 12.",
        "Le tour d'eau : 06 h 30, puis 07 h 45 ; voir l'article 5.",
    ],
)
def test_ordinary_numbers_are_not_personal_data(text: str) -> None:
    result = run("personal_data", planted(answer=text))
    assert result.passed, result.detail


@pytest.mark.parametrize(
    "text",
    [
        "zero\u200bwidth",
        "joined\u2060words",
        "\ufeffmark",
        "abc\u202edcba\u202c",
        "isolate \u2066x\u2069",
        "soft\u00adhyphen",
        "tag \U000e0041",
        "private \ue000",
        "filler \u3164",
        "line\u2028separator",
        "bell \x07",
        "next\x85line",
        "<|user|>",
        "say <|assistant|> then",
        "end <|end|>",
        "</s>",
        "[INST] do this [/INST]",
        "<｜user｜>",
        "<|us\u200ber|>",
    ],
)
def test_hidden_characters_and_special_tokens_are_found(text: str) -> None:
    result = run("hidden_characters", planted(answer=text))
    assert not result.passed
    assert result.found >= 1


@pytest.mark.parametrize(
    "text",
    [
        "Fermer la vanne\u00a0; puis attendre\u202f!",
        "a < b | c > d",
        "Ligne 1\nLigne 2\tfin",
        "débit ≥ 3 m³/h — « oui »",
    ],
)
def test_ordinary_typography_is_not_hidden(text: str) -> None:
    result = run("hidden_characters", planted(answer=text))
    assert result.passed, result.detail


def test_a_suite_question_inside_a_longer_text_is_contamination() -> None:
    inside = "Remember this one: " + CONTEXT.suite_questions[0] + " The keeper."
    assert run("contamination", planted(answer=inside)).found == 1


def test_a_short_suite_question_inside_a_longer_text_is_chance() -> None:
    context = Context(suite_questions=("Why water?",))
    assert run("contamination", planted(answer="Why water? Because it is dry."), context).passed
    assert not run("contamination", planted(question="why WATER"), context).passed


@pytest.mark.parametrize("licence", ["", "cc-by-4.0", "CC-BY-ND-4.0", "proprietary", "MIT OR GPL-3.0", "llama3"])
def test_a_licence_outside_the_list_is_refused(licence: str) -> None:
    assert not run("licence", CLEAN, Context(licence=licence)).passed


def test_an_unlucky_text_does_not_make_the_scans_slow() -> None:
    unlucky = [
        "a" * 60_000,
        "a@" * 30_000,
        "1 " * 30_000,
        "+1" * 30_000,
        "<|" * 30_000,
        "FR76" * 15_000,
        "a." * 30_000,
    ]
    rows = [CLEAN[0] | {"id": str(number), "answer": text} for number, text in enumerate(unlucky)]
    started = time.process_time()
    run_all(rows, CONTEXT)
    assert time.process_time() - started < 5


def test_lines_are_named_in_order_and_counted() -> None:
    assert on_lines([3]) == "line 3"
    assert on_lines([9, 1, 1]) == "lines 1, 9"
    assert on_lines(range(1, 9)) == "lines 1, 2, 3, 4, 5 and 3 more"


def test_normalising_keeps_digits_and_drops_disguise() -> None:
    assert normalised("  Où\u200b, à 10 LITRES ?") == normalised("ou a 10 litres")
    assert normalised("10 litres") != normalised("20 litres")


def test_the_list_of_ordinary_characters_holds_no_invisible_one() -> None:
    ordinary = [chr(code) for code in range(sys.maxunicode + 1) if ORDINARY.fullmatch(chr(code))]
    assert {unicodedata.category(character)[0] for character in ordinary} - {"C"} == {"L", "N", "P", "S", "Z"}
    assert [character for character in ordinary if unicodedata.category(character)[0] == "C"] == ["\t", "\n"]
    assert not {unicodedata.category(character) for character in ordinary} & {"Zl", "Zp"}
    assert set("àâæçéèêëîïôœùûüÿ«»’“”…–—€×°½²³").issubset(ordinary)
