"""Texts of strangers: whatever short pattern one is filled with, showing it needs work in proportion to its length."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from frontend import text
from frontend.text import render

SHORT, LONG = 1_000, 4_000

# Each made a reader of Markdown slow that looks for the end of what was opened, again for each opening.
PATTERNS = [
    *("[", "![", "_![-", "[a](", "![a](", "[a][", "[a](<", "(![@", "*[", "\n_[", "[a]: b\n", "[a]: <"),
    *("<a ", "<a b='", "<!--", "a<!--", "<?", "a<?", "<![CDATA[", "</a", "<b><i>", "<p>", "<table>", "<http:a"),
    *("`", "`a", "``a`", "*_", "*a **", "a**b", "_a __b ", "&", "&#", "\\[", "~~~\n", "a\n=\n"),
    *(">", "> ", "- ", "* a\n", "1. ", "\t", "|", "|-|\n", "a|b\n-|-\n"),
]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    text._rendered.cache_clear()
    yield
    text._rendered.cache_clear()


def work(source: str) -> int:
    """Return how many calls it takes to show a text: counted, so that a busy machine changes nothing."""
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        render(source)
    finally:
        sys.setprofile(before)
    return calls


def filled(pattern: str, length: int) -> str:
    return (pattern * length)[:length]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_attack_a_text_of_openings_needs_work_in_proportion_to_its_length(pattern: str) -> None:
    render("The reader is *made* once.\n\n|a|\n|-|\n")
    short, long = work(filled(pattern, SHORT)), work(filled(pattern, LONG))
    assert long < 6 * short, (short, long)  # four times the length; sixteen would be each with each
    assert long < 200 * LONG, long


def test_attack_short_rows_of_wide_tables_are_not_filled_up_without_end() -> None:
    table = "a|" * 180 + "\n" + "-|" * 180 + "\n" + "|\n" * 360 + "\n"
    shown = render((table * 20)[:20_000])
    assert "<td" not in shown
    assert len(shown) < 60_000


def test_tables_of_the_usual_kind_are_shown_in_a_long_text() -> None:
    table = "| well | depth |\n|:--|--:|\n" + "| north | 12 |\n" * 200
    shown = render(f"{table}\n\n" + "A sentence of some length about the wells of the north.\n\n" * 250)
    assert shown.count("<td>") == 400


def test_a_heading_that_names_itself_stays_a_heading() -> None:
    assert render("# t {#x}\n\n## u") == "<h3>t {#x}</h3>\n<h4>u</h4>"
    assert render("<h1 id='x' class='y'>t</h1>") == "<p></p><h3>t</h3><p></p>"


def test_what_stands_beside_raw_html_is_still_read() -> None:
    assert render("<b>**a**</b> <script>x</script> *b*") == "<p><strong>a</strong>  <em>b</em></p>"
