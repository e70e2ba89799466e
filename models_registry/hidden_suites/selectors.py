"""Questions that pages, rules and runs ask about hidden suites. Reads only."""

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from governance.errors import NotFound
from governance.models import Community, Record
from models_registry.hidden_suites.commitment import commitment_in, rows_of
from models_registry.models import EthicsRule, HiddenSuite, SuiteOpening


def of_community(community: Community) -> list[HiddenSuite]:
    """Return the hidden suites of a community, closed ones first, each the newest first."""
    found = HiddenSuite.objects.filter(community=community).select_related("dataset")
    return sorted(found, key=lambda suite: suite.opened_at is not None)


def everything() -> QuerySet[HiddenSuite]:
    """Return all hidden suites, newest first."""
    return HiddenSuite.objects.select_related("community", "record", "dataset")


def find(commitment: str) -> HiddenSuite:
    """Return the suite of a commitment, or raise NotFound."""
    found = everything().filter(commitment=commitment).first()
    if found is None:
        raise NotFound("unknown_suite", "there is no such hidden suite", field="commitment", found=commitment[:80])
    return found


def named(community: Community, names: Iterable[object]) -> dict[str, HiddenSuite]:
    """Return the hidden suites among these names of suites, by name."""
    commitments = {commitment for name in names if (commitment := commitment_in(name)) is not None}
    known = HiddenSuite.objects.filter(community=community, commitment__in=commitments).select_related("record")
    return {suite.name: suite for suite in known}


def rules_on(suite: HiddenSuite) -> list[EthicsRule]:
    """Return the rules that name a hidden suite, in force or not, in order."""
    rules = EthicsRule.objects.filter(community=suite.community, suite=suite.name)
    return list(rules.select_related("proposal").order_by("pk"))


def openings_of(run_record: Record | None) -> list[SuiteOpening]:
    """Return the openings for the model of a run, in order; none before it is fixed."""
    if run_record is None:
        return []
    return list(SuiteOpening.objects.filter(run_record=run_record).select_related("record", "suite").order_by("pk"))


def opened_for(run_record: Record | None) -> dict[str, str]:
    """Return by the names of hidden suites the digest of the rows that they were opened with, for a run's model."""
    return rows_of(opening.record.body for opening in openings_of(run_record))


def opened_in(evaluation: Record | None) -> Mapping[str, str]:
    """Return the same from the record of an evaluation: what its verdict was judged with."""
    if evaluation is None:
        return {}
    openings = Record.objects.filter(pk__in=evaluation.value.parents, kind="opening")
    return rows_of(opening.body for opening in openings)
