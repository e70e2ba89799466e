"""The colours: every pair that meets on a page can be told apart, in light, in dark and in high contrast."""

import re

import pytest

from frontend import design


@pytest.mark.parametrize("theme", design.THEMES)
def test_every_pair_of_colours_reaches_its_contrast(theme: str) -> None:
    weak = [pair for pair in design.pairs(theme) if not pair.holds]
    assert weak == []


def test_contrast_is_that_of_the_standard() -> None:
    assert design.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert design.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the known grey that just fails
    with pytest.raises(ValueError, match="rrggbb"):
        design.contrast("white", "#ffffff")


def test_the_themes_chosen_by_name_are_the_ones_that_the_system_asks_for() -> None:
    text = design.SHEET.read_text(encoding="utf-8")
    asked = re.search(r"prefers-color-scheme: dark\) \{\s*:root:not\([^{]*\{([^}]*)\}", text)
    chosen = re.search(r':root\[data-theme="dark"\] \{([^}]*)\}', text)
    assert asked is not None
    assert chosen is not None
    lines = [{line.strip() for line in body[1].splitlines() if "--" in line} for body in (asked, chosen)]
    assert lines[0] == lines[1]


def test_no_other_style_sheet_names_a_colour_of_its_own() -> None:
    for sheet in design.SHEET.parent.glob("*.css"):
        if sheet.name in {"tokens.css", "print.css"}:
            continue
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-])", re.sub(r"url\([^)]*\)", "", sheet.read_text()))
        assert found == [], sheet.name
