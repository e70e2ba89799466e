"""Checks 1 and 2: the records are the lineage of one release, and each rests on what it must. Pure."""

from models_registry.provenance import bundle, lineage, shapes
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import proposal_of, same, shown
from models_registry.provenance.shapes import parent_of

CHARTER_KIND = "governance_rules"


def check_records(case: Case, answer: Answer) -> None:
    """1: the lines are canonical records, exactly the lineage of one release, parents first."""
    answer.problems += case.record_problems
    releases = case.of_kind("release")
    if len(releases) != 1:
        answer.fail(
            "release_missing",
            bundle.place_of(bundle.RECORDS),
            f"{len(releases)} release records, expected exactly one",
        )
    if answer.problems:
        return
    reached, missing = lineage.reachable(releases[0].digest, case.records)
    for record in case.records.values():
        if record.digest not in reached:
            answer.fail("record_foreign", case.place(record), "the release does not rest on this record")
    if not missing and not answer.problems:
        try:
            ordered = lineage.closure(releases[0].digest, case.records)
        except lineage.LineageError as error:
            answer.fail(error.code, bundle.place_of(bundle.RECORDS), str(error))
            return
        for expected, found in zip(ordered, case.records.values(), strict=True):
            if expected.digest != found.digest:
                answer.fail(
                    "order_wrong",
                    case.place(found),
                    f"record {expected.digest} belongs here (depth, then digest)",
                )
                break
    answer.evidence = f"{len(case.records)} records, every digest recomputed"


def check_parents(case: Case, answer: Answer) -> None:
    """2: every parent is there, every kind rests on what it must, and all of it belongs to one community."""
    for record in case.records.values():
        missing = [parent for parent in record.parents if parent not in case.records]
        for parent in missing:
            detail = f"it rests on {parent}, which is not there: that record was changed or left out"
            answer.fail("parent_missing", case.place(record), detail)
        wrong = None if missing else shapes.parents_problem(record, case.records)
        if wrong:
            answer.fail("parents_wrong", case.place(record), wrong)
    communities = case.of_kind("community")
    if len(communities) != 1:
        detail = f"{len(communities)} community records, expected exactly one"
        answer.fail("community_wrong", bundle.place_of(bundle.RECORDS), detail)
    if not answer.problems:
        _check_subjects(case, answer)
        _check_charters(case, answer)
        _check_votes(case, answer)
        _check_splices(case, answer)
    answer.evidence = f"{len(case.of_kind('proposal'))} proposals of one community, every parent is there"


def _check_subjects(case: Case, answer: Answer) -> None:
    """Hold the subjects that name something against what they name."""
    for community in case.of_kind("community"):
        slug = community.body["slug"]
        expected = {community.digest: f"community:{slug}"}
        for proposal in case.of_kind("proposal"):
            expected[proposal.digest] = f"proposal:{slug}/{proposal.body['number']}"
        for charter in case.of_kind("charter"):
            expected[charter.digest] = f"charter:{slug}"
        for keys in case.of_kind("keys"):
            expected[keys.digest] = f"keys:{slug}"
        for kind in ("census", "sealing", "unsealing"):
            for record in case.of_kind(kind):
                expected[record.digest] = f"{kind}:{parent_of(record, 'proposal', case.records).digest}"
        for digest, subject in expected.items():
            if case.records[digest].subject != subject:
                answer.fail("subject_wrong", case.place(case.records[digest]), f"the subject is not {subject}")


def _check_charters(case: Case, answer: Answer) -> None:
    """See that the community was founded on one charter, and that each later one is what a vote put in its place."""
    for community in case.of_kind("community"):
        founding = [charter for charter in case.of_kind("charter") if not charter.parents]
        if founding != [parent_of(community, "charter", case.records)]:
            detail = f"{len(founding)} founding charters; the community rests on exactly one, and on no later charter"
            answer.fail("charter_wrong", case.place(community), detail)
    for charter in case.of_kind("charter"):
        if not charter.parents:
            continue
        proposal = proposal_of(charter, case)
        kinds = {proposal.body["kind"], parent_of(charter, "execution", case.records).body["kind"]}
        if kinds != {CHARTER_KIND}:
            detail = f"a charter comes from a {CHARTER_KIND!r}, this one from a {shown(sorted(kinds))}"
            answer.fail("kind_changed", case.place(charter), detail)
        if not same(proposal.body["payload"], {"charter": charter.body}):
            detail = f"it is not the charter that proposal {proposal.body['number']} put to the vote"
            answer.fail("charter_not_approved", case.place(charter), detail)


def _check_votes(case: Case, answer: Answer) -> None:
    """See that a proposal has its own number and was counted and decided once: one census, one tally, one decision."""
    numbers: set[int] = set()
    for proposal in case.of_kind("proposal"):
        if proposal.body["number"] in numbers:
            answer.fail("number_twice", case.place(proposal), f"two proposals have number {proposal.body['number']}")
        numbers.add(proposal.body["number"])
        for kind in ("census", "tally", "decision"):
            found = sum(proposal.digest in record.parents for record in case.of_kind(kind))
            if found != 1:
                detail = f"{found} {kind} records rest on it, expected exactly one"
                answer.fail("parents_wrong", case.place(proposal), detail)


def _check_splices(case: Case, answer: Answer) -> None:
    """Where two ways lead back to one record, see that it is the same one."""
    for tally in case.of_kind("tally"):
        census = parent_of(tally, "census", case.records)
        if parent_of(census, "proposal", case.records) != parent_of(tally, "proposal", case.records):
            answer.fail("tally_spliced", case.place(tally), "its census is that of another proposal")
    for decision in case.of_kind("decision"):
        tally = parent_of(decision, "tally", case.records)
        if parent_of(tally, "proposal", case.records) != parent_of(decision, "proposal", case.records):
            answer.fail("decision_spliced", case.place(decision), "its tally counts another proposal")
    for release in case.of_kind("release"):
        evaluation = parent_of(release, "evaluation", case.records)
        if parent_of(evaluation, "run", case.records) != parent_of(release, "run", case.records):
            detail = "its evaluation measured another run than the one released"
            answer.fail("run_spliced", case.place(release), detail)
