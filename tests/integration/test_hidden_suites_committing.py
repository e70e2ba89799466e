"""What can be committed to, and what a rule may name: twenty and more things that are refused and leave nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.demo import corpus
from governance.clock import now as clock
from governance.errors import Refusal
from governance.models import Event, Record
from models_registry.hidden_suites import __main__ as command
from models_registry.hidden_suites import selectors
from models_registry.hidden_suites import services as suites
from models_registry.models import HiddenSuite
from tests.integration.hidden_site import (
    ON_HIDDEN,
    ROWS,
    Base,
    Site,
    committed,
    kept_in,
    new_suite,
    prepared,
)


@pytest.fixture(scope="module")
def base(module_db: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Base]:
    with django_db_blocker.unblock(), prepared(tmp_path_factory.mktemp("hidden")) as made:
        yield made


@pytest.fixture
def site(base: Base, db: None, stand_in: Any, tmp_path: Path, capsys: Any) -> Site:
    return committed(base, tmp_path / "keeper", capsys)


# --- committing ---


BAD: dict[str, dict[str, Any]] = {
    "no digest": {"commitment": "abc"},
    "a digest in capitals": {"commitment": "A" * 64},
    "a digest with a prefix": {"commitment": "hidden:" + "0" * 57},
    "no title": {"title": "   "},
    "a title with NUL": {"title": "a\x00b"},
    "rows to learn from": {"kind": "preference"},
    "rows of no kind": {"kind": "poem"},
    "no rows": {"records": 0},
    "fewer than none": {"records": -1},
    "more rows than are read": {"records": 10**9},
    "no language": {"languages": []},
    "a language that nobody reads": {"languages": ["xx"]},
    "one language twice": {"languages": ["en", "en"]},
    "no time to open": {"opens_within_seconds": 0},
    "less than an hour": {"opens_within_seconds": 3_599},
    "a year": {"opens_within_seconds": 365 * 86_400},
}


def test_every_commitment_to_what_cannot_be_is_refused(site: Site) -> None:
    before = (Record.objects.count(), HiddenSuite.objects.count(), Event.objects.count())

    for bad, changes in BAD.items():
        new = new_suite(site.kept, **{"commitment": "0" * 64, **changes})
        with pytest.raises(Refusal) as refused:
            suites.commit(site.commons.community, site.commons.address("Bob"), new, clock())
        assert refused.value.status == 422, bad

    assert (Record.objects.count(), HiddenSuite.objects.count(), Event.objects.count()) == before


def test_committing_again_changes_nothing_and_to_something_else_is_refused(site: Site) -> None:
    bob, community = site.commons.address("Bob"), site.commons.community

    again, created = suites.commit(community, bob, new_suite(site.kept), clock())
    assert (again.pk, created) == (site.suite.pk, False)
    for who, changes in (("Bob", {"title": "Other"}), ("Alice", {})):
        with pytest.raises(Refusal) as refused:
            suites.commit(community, site.commons.address(who), new_suite(site.kept, **changes), clock())
        assert refused.value.code == "already_committed"


def test_a_stranger_cannot_commit(site: Site, tmp_path: Path, capsys: Any) -> None:
    kept = kept_in(tmp_path / "another", capsys)
    with pytest.raises(Refusal) as refused:
        suites.commit(site.commons.community, site.commons.address("Mallory"), new_suite(kept), clock())
    assert refused.value.code == "below_threshold"


def test_a_rule_on_a_suite_that_nobody_committed_to_is_refused(site: Site) -> None:
    for suite in (
        "hidden:",
        "hidden:" + "0" * 64,
        "hidden:" + "Z" * 64,
        "hidden:x",
        "hidden:\x00",
        "Hidden:" + "0" * 64,
    ):
        with pytest.raises(Refusal) as refused:
            site.commons.propose("ethics_rule", {**ON_HIDDEN, "slug": "other", "suite": suite}, now=site.moment)
        assert refused.value.code == "unknown_suite", suite


def test_a_rule_with_a_metric_that_does_not_fit_the_hidden_rows_is_refused(site: Site) -> None:
    asked = {**ON_HIDDEN, "slug": "other", "suite": site.suite.name, "metric": "stereotype_preference"}
    with pytest.raises(Refusal) as refused:
        site.commons.propose("ethics_rule", asked, now=site.moment)
    assert refused.value.code == "metric_does_not_fit"


def test_a_hidden_suite_cannot_be_the_one_that_a_specification_names(site: Site) -> None:
    spec = {**site.update["spec"], "evaluation": {"suite": site.suite.name}}
    with pytest.raises(Refusal):
        site.commons.propose("model_update", {"spec": spec}, now=site.moment)


def test_two_commitments_to_the_same_rows_tell_nobody_that_they_are_the_same(tmp_path: Path, capsys: Any) -> None:
    one, other = kept_in(tmp_path / "one", capsys), kept_in(tmp_path / "other", capsys)

    assert one.rows == other.rows
    assert one.said["commitment"] != other.said["commitment"]
    for name in ("rows.jsonl", "salt"):
        assert stat.S_IMODE((one.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(one.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "arguments",
    [
        ["commit", "{0}/none.jsonl", "--license", "MIT", "--keep", "{0}/k"],
        ["commit", "{0}/empty.jsonl", "--license", "MIT", "--keep", "{0}/k"],
        ["commit", "{0}/rows.jsonl", "--license", "MIT", "--keep", "{0}"],
        ["commit", "{0}/learn.jsonl", "--license", "MIT", "--keep", "{0}/k"],
        ["check", "{0}", "--license", "MIT"],
        ["check", "{0}/none", "--license", "MIT"],
    ],
)
def test_the_command_says_what_it_cannot_use_and_keeps_nothing(
    tmp_path: Path, capsys: Any, arguments: list[str]
) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    (tmp_path / "rows.jsonl").write_bytes(corpus.jsonl(ROWS))
    both = {"id": "1", "language": "en", "topic": "t", "question": "Q?", "chosen": "a", "rejected": "b"}
    (tmp_path / "learn.jsonl").write_bytes(corpus.jsonl([both]))
    (tmp_path / "salt").write_text("no salt")

    assert command.main([each.format(tmp_path) for each in arguments]) == 2
    said = capsys.readouterr()
    assert said.err
    assert not said.out
    assert not (tmp_path / "k").exists()


def test_selectors_find_nothing_by_names_that_are_none(site: Site) -> None:
    assert selectors.named(site.commons.community, [None, "", 7, "hidden:x"]) == {}
    with pytest.raises(Refusal):
        selectors.find("0" * 64)
