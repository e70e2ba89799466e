"""The model card: complete, bilingual, readable by the Hub's client, and safe to show."""

import re
from pathlib import Path
from typing import Any

import pytest

from governance.evidence import signing
from models_registry import card
from tests.simulators.golden_bundle import KeySigner, Story


def rendered(tmp_path: Path, **facts: Any) -> str:
    story = Story(**facts)
    story.write(tmp_path)
    digests = {record.kind: record.digest for record in story.records.values()}
    return card.render(
        card.Facts(
            "commons/water-assistant",
            1,
            "Water assistant",
            "Assistant de l’eau",
            "Apache-2.0",
            digests["run"],
            digests["evaluation"],
        ),
        story.records,
    )


def test_a_card_tells_the_whole_story_in_both_languages(tmp_path: Path) -> None:
    text = rendered(tmp_path)

    for part in (
        "## English", "## Français", "CC-BY-4.0", "for 65%, against 10%", "pour 65\N{NO-BREAK SPACE}%",
        "at least 0.75 (3/4)",
        "au moins 0,75 (3/4)", "`learning_rate` | `0.003`", signing.fingerprint(KeySigner(7).public_key_hex),
    ):  # fmt: skip
        assert part in text


def test_a_card_names_also_the_vote_that_changed_the_rules(tmp_path: Path) -> None:
    numbers = [line[:4] for line in rendered(tmp_path).splitlines() if "Proposal " in line and "65" in line]

    assert numbers == ["| [2", "| [3", "| [2", "| [3"], "the first has delegations, in the last power was split"


def test_totals_that_are_fractions_are_shown_as_shares(tmp_path: Path) -> None:
    def thirds(kind: str, body: dict[str, Any]) -> None:
        if kind == "tally":
            body["totals"]["for"] = f"{1_000 * 10**18}/3"

    assert "for 33.33%" in rendered(tmp_path, edit=thirds)


def test_the_same_records_always_give_the_same_card(tmp_path: Path) -> None:
    assert rendered(tmp_path / "first") == rendered(tmp_path / "second")


def test_the_front_matter_is_read_by_the_client_of_the_hub(tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(rendered(tmp_path)).data

    assert data.license == "apache-2.0"
    assert data.language == ["en", "fr"]
    assert [(result.metric_type, result.metric_value) for result in data.eval_results] == [("accuracy", 0.9)]
    # Written anew by the client's own code, it says the same.
    again = hub.ModelCard(f"---\n{data.to_yaml()}\n---\n# Water").data
    assert again.eval_results == data.eval_results
    assert (data.eval_results[0].dataset_revision, data.base_model_relation) == (
        data.eval_results[0].dataset_type,
        "finetune",
    )


SECTIONS = ["Data", "Who decided", "Gates", "What changed", "Who answers for it", "Limits", "Incidents", "Energy and carbon", "Recipe", "How to verify", "How to cite"]  # fmt: skip


def test_both_languages_have_the_same_sections_with_the_same_tables(tmp_path: Path) -> None:
    english, french = rendered(tmp_path).split("## English")[1].split("## Français")
    assert re.findall(r"^### (.*)$", english, re.MULTILINE) == SECTIONS
    assert english.count("\n### ") == french.count("\n### ") == len(SECTIONS)
    assert english.count("\n| ") == french.count("\n| ")
    assert "{" not in re.sub(r"```.*?```|`[^`]*`", "", english + french, flags=re.DOTALL), "every value is filled in"


def test_links_lead_to_the_community_that_the_record_names(tmp_path: Path) -> None:
    text = rendered(tmp_path)
    found = set(re.findall(r"\]\((.*?)\)|<(http.*?)>", text))
    assert {address for pair in found for address in pair if address} == {
        *(f"https://commons.example/c/water/proposals/{number}/" for number in linked_numbers(text)),
        "https://commons.example/models/commons/water-assistant/",
    }


def linked_numbers(text: str) -> set[str]:
    return set(re.findall(r"\[(\d+)\]\(", text))


def test_a_site_with_an_address_that_is_none_gets_no_links(tmp_path: Path) -> None:
    def odd(kind: str, body: dict[str, Any]) -> None:
        if kind == "community":
            body["instance"] = "javascript:alert(1)//<b>"

    text = rendered(tmp_path, edit=odd)
    assert "](" not in text
    assert "<b>" not in text


def test_energy_is_told_where_the_machine_reports_it_and_said_to_be_unknown_elsewhere(tmp_path: Path) -> None:
    assert "Neither the energy nor the carbon of this run was measured." in rendered(tmp_path / "without")

    def measured(kind: str, body: dict[str, Any]) -> None:
        if kind == "run":
            body["environment"] = {"device": "cuda", "energy_joules": "120000", "carbon_grams": "12"}

    text = rendered(tmp_path / "with", edit=measured)
    assert "in joules: 120000 Carbon reported" in text
    assert "on: cuda." in text
    assert "Neither the energy" not in text


def test_the_citation_can_be_read_whatever_the_community_is_called(tmp_path: Path) -> None:
    def odd(kind: str, body: dict[str, Any]) -> None:
        if kind == "community":
            body["name"] = {"en": "Wa{ter}` & \\Co_", "fr": "Eau"}

    text = rendered(tmp_path, edit=odd)
    assert "  author = {{Water \\& Co\\_}}," in text
    entry = text.split("```bibtex")[1].split("```")[0]
    assert entry.count("{") == entry.count("}")
    assert "  url = {https://commons.example/models/commons/water-assistant/}," in entry


def test_texts_of_members_cannot_become_markup_on_the_card(tmp_path: Path) -> None:
    def hostile(kind: str, body: dict[str, Any]) -> None:
        if "title" in body:
            body["title"] = (
                "<script>alert(1)</script> [x](javascript:alert(1)) | a\n\n# b `c` "
                "https://evil.example www.evil.example"
            )
        if kind == "run":
            body["environment"] = {"to`rch|": "</code>`|\n"}

    text = rendered(tmp_path, edit=hostile)
    assert "<script>" not in text
    assert "](javascript" not in text
    assert "https://evil" not in text
    assert " www.evil" not in text
    assert "\n# b" not in text
    rows = [line for line in text.splitlines() if line.startswith("| [3](")]
    assert [row.count("|") - row.count("\\|") for row in rows] == [7, 7]


def test_a_metric_without_a_value_is_left_out_and_breaks_nothing(tmp_path: Path) -> None:
    def unread(kind: str, body: dict[str, Any]) -> None:
        if kind == "evaluation":
            body["candidate"]["speed"] = {"numerator": 1, "denominator": 0}

    assert "speed" not in rendered(tmp_path, edit=unread)
