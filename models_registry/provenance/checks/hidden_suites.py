"""Parts of checks 6, 7 and 9: a hidden suite was committed before the vote, and opened after the model was fixed. Pure.

The order is proven by digests: the payload that was voted on names the commitment, so the commitment is older than
every ballot; and an opening rests on the record of the run, which names every byte of the model, so it is younger than
the model. The moments in the records have to agree with that. What this cannot show: that the keeper showed the rows
to nobody before, and that the suite was not opened earlier for another model; the community's log shows that.
"""

from collections.abc import Iterator, Mapping

from governance.evidence.record import Record
from models_registry.hidden_suites.commitment import commitment_in, name_of, opens
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import proposal_of
from models_registry.provenance.shapes import parent_of, parents_of

Demand = tuple[bool, str, Record, str]


def check_commitments(case: Case, answer: Answer) -> None:
    """Hold each rule against the commitment that it rests on: the one that it names, and none if it names none."""
    for rule in case.of_kind("rule"):
        named = commitment_in(rule.body["suite"])
        found = [each.body["commitment"] for each in parents_of(rule, "commitment", case.records)]
        if found != ([] if named is None else [named]):
            detail = f"it is measured on {rule.body['suite']}, and rests on the commitment {', '.join(found) or 'none'}"
            answer.fail("commitment_spliced", case.place(rule), detail)


def opened_for(evaluation: Record, case: Case, answer: Answer) -> Mapping[str, str]:
    """Return by the names of hidden suites which rows they turned out to be, for the model that was measured.

    An opening of another model, of a suite that no rule names, of other rows than were committed, or a second one of
    the same suite is a problem and opens nothing.
    """
    run = parent_of(evaluation, "run", case.records)
    asked = {rule.body["suite"] for rule in parents_of(evaluation, "rule", case.records)}
    opened: dict[str, str] = {}
    for opening in parents_of(evaluation, "opening", case.records):
        place, body = case.place(opening), opening.body
        committed = parent_of(opening, "commitment", case.records).body
        name = name_of(committed["commitment"])
        if body["commitment"] != committed["commitment"] or not opens(committed, body["digest"], body["salt"]):
            answer.fail("opening_wrong", place, "its rows and its salt are not what was committed")
        elif parent_of(opening, "run", case.records) != run:
            answer.fail("opening_spliced", place, "it was opened for another model than the one that was measured")
        elif name not in asked:
            answer.fail("opening_foreign", place, "no rule of this model is measured on it")
        elif name in opened:
            answer.fail("opening_twice", place, "the suite is opened twice")
        else:
            opened[name] = body["digest"]
    return opened


def times(case: Case) -> Iterator[Demand]:
    """Yield the demands on the moments: committed before the vote opened, opened in time after the model was fixed."""
    for rule in case.of_kind("rule"):
        opens_at = proposal_of(rule, case).body["opens_at"]
        for commitment in parents_of(rule, "commitment", case.records):
            found = commitment.body["committed_at"]
            detail = f"committed at {found}, voting on the rule that names it opened at {opens_at}"
            yield found <= opens_at, "committed_late", commitment, detail
    for opening in case.of_kind("opening"):
        found, fixed = opening.body["opened_at"], parent_of(opening, "run", case.records).body["finished_at"]
        last = fixed + parent_of(opening, "commitment", case.records).body["opens_within_seconds"]
        yield found >= fixed, "opened_early", opening, f"opened at {found}, the model was fixed at {fixed}"
        yield found <= last, "opened_late", opening, f"opened at {found}, it had to be by {last}"
