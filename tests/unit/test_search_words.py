"""What somebody means who types into the search: pure, and never wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.search import extracts
from governance.search.words import QUERY_CHARACTERS_MAX, TERMS_MAX, Term, fold, read


def test_words_are_folded_and_the_last_one_may_go_on() -> None:
    assert read("Règles de l’Eau").terms == (
        Term(("regles",)),
        Term(("de",)),
        Term(("l",)),
        Term(("eau",), prefix=True),
    )
    assert read("water ").terms == (Term(("water",)),)


@pytest.mark.parametrize("typed", ['"equal service"', "« equal service »", "“Equal service”", '"equal, service"'])
def test_a_phrase_stands_in_the_quotes_of_either_language(typed: str) -> None:
    assert read(typed).terms == (Term(("equal", "service")),)


def test_a_phrase_and_words_are_both_wanted() -> None:
    assert read('rule "equal service" fren').terms == (
        Term(("equal", "service")),
        Term(("rule",)),
        Term(("fren",), prefix=True),
    )


def test_a_quote_that_nobody_closes_is_no_phrase() -> None:
    assert read('"equal service').terms == (Term(("equal",)), Term(("service",), prefix=True))


@pytest.mark.parametrize("typed", ["", "   ", "\0", '"', "''", "*", "AND^", "🌊", "-- ) ( :*", "&|!<->"])
def test_signs_without_letters_mean_nothing_or_only_their_letters(typed: str) -> None:
    assert all(word.isalnum() for term in read(typed).terms for word in term.words)


def test_ligatures_and_accents_make_no_difference() -> None:
    assert fold("Cœur d’Été\0") == fold("coeur d'ete")


def test_one_and_many_are_one_word_when_it_is_long_enough() -> None:
    assert set(Term(("wells",)).forms) == {"wells", "well"}
    assert set(Term(("well",)).forms) == {"well", "wells"}
    assert {"eaux", "eau"} <= set(Term(("eaux",)).forms)
    assert Term(("as",)).forms == ("as",)


@given(st.text(max_size=20_000))
def test_whatever_is_typed_becomes_a_bounded_query_of_letters_and_digits(typed: str) -> None:
    query = read(typed)
    assert len(query.terms) <= TERMS_MAX
    for term in query.terms:
        assert term.words
        assert all(word and len(word) <= QUERY_CHARACTERS_MAX * 18 for word in term.words)
        assert all(form.replace(" ", "").isalnum() for form in term.forms)


@given(st.text(max_size=400), st.text(max_size=60))
def test_marking_changes_no_character(text: str, typed: str) -> None:
    assert "".join(piece.text for piece in extracts.marked(text, read(typed))) == text


def test_an_extract_is_cut_around_the_first_word_that_was_meant() -> None:
    text = "Long before. " * 40 + "The **wells** of the valley are deep. " + "Long after. " * 40
    pieces = extracts.extract(text, read("well"))
    assert [piece.text for piece in pieces if piece.marked] == ["wells"]
    assert pieces[0].text == "… "
    assert pieces[-1].text == " …"
    assert len("".join(piece.text for piece in pieces)) < extracts.EXTRACT_CHARACTERS + 20


def test_an_accented_word_is_marked_by_its_plain_spelling() -> None:
    assert [piece.text for piece in extracts.marked("L’équité d’abord", read("equit")) if piece.marked] == ["équité"]
