"""The ten checks of a release, one function each. `verify` numbers and reports them.

A check gets the bundle as read (`Case`) and collects problems in an `Answer`. It may rely on nothing but the
checks that `verify` lists as its needs. Order, titles and hints stand in `verify`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from governance import eip712, outcome
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from governance.tally import METHODS
from governance.tally.base import Count, InvalidChoice, Method
from models_registry import gates
from models_registry.provenance import bundle, lineage, manifest, shapes, statement
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.provenance.statement import StatementError

CARD = "README.md"
# governance.power.fixed_list; that package also imports the chain, which a verifier must not need.
FIXED_LIST = "fixed_list"


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
        _check_splices(case, answer)
    answer.evidence = f"{len(case.of_kind('proposal'))} proposals of one community, every parent is there"


def _check_subjects(case: Case, answer: Answer) -> None:
    """Hold the subjects that name something against what they name."""
    for community in case.of_kind("community"):
        slug = community.body["slug"]
        expected = {community.digest: f"community:{slug}"}
        for proposal in case.of_kind("proposal"):
            expected[proposal.digest] = f"proposal:{slug}/{proposal.body['number']}"
        for digest, subject in expected.items():
            if case.records[digest].subject != subject:
                answer.fail("subject_wrong", case.place(case.records[digest]), f"the subject is not {subject}")


def _check_splices(case: Case, answer: Answer) -> None:
    """Where two ways lead back to one record, see that it is the same one."""
    for decision in case.of_kind("decision"):
        tally = parent_of(decision, "tally", case.records)
        if parent_of(tally, "proposal", case.records) != parent_of(decision, "proposal", case.records):
            answer.fail("decision_spliced", case.place(decision), "its tally counts another proposal")
    for release in case.of_kind("release"):
        evaluation = parent_of(release, "evaluation", case.records)
        if parent_of(evaluation, "run", case.records) != parent_of(release, "run", case.records):
            detail = "its evaluation measured another run than the one released"
            answer.fail("run_spliced", case.place(release), detail)


def check_ballots(case: Case, answer: Answer) -> None:
    """3: each ballot is signed by its voter for this proposal; one per voter; in time; within the supply."""
    answer.problems += case.ballot_problems
    proposals = {proposal.digest: proposal for proposal in case.of_kind("proposal")}
    keys: list[tuple[int, str, str]] = []
    cast: dict[str, dict[str, int]] = {digest: {} for digest in proposals}
    for place, ballot in case.ballots:
        proposal = proposals.get(ballot.parents[0]) if len(ballot.parents) == 1 else None
        if proposal is None:
            detail = f"it votes on {', '.join(ballot.parents) or 'nothing'}, which is no proposal of this release"
            answer.fail("ballot_foreign", place, detail)
            continue
        for code, detail in _ballot_faults(ballot, proposal, case):
            answer.fail(code, place, detail)
        voter = str(ballot.body["voter"]).lower()
        if voter in cast[proposal.digest]:
            answer.fail(
                "voter_twice",
                place,
                f"{ballot.body['voter']} is counted twice in proposal {proposal.body['number']}",
            )
        cast[proposal.digest][voter] = int(ballot.body["power"])
        keys.append(bundle.ballot_order(ballot, proposals))
    for digest, powers in cast.items():
        proposal = proposals[digest]
        _check_listed_power(proposal, powers, case, answer)
        supply = int(proposal.body["snapshot"]["total_supply"])
        if sum(powers.values()) > supply:
            detail = f"ballots of {sum(powers.values())}, more than the total supply {supply}"
            answer.fail("supply_exceeded", case.place(proposal), detail)
    if keys != sorted(keys):
        answer.fail(
            "order_wrong",
            bundle.place_of(bundle.BALLOTS),
            "ballots are not sorted by proposal number and voter",
        )
    answer.evidence = f"{len(case.ballots)} ballots, every signature recovered to its voter"


def _check_listed_power(proposal: Record, powers: Mapping[str, int], case: Case, answer: Answer) -> None:
    """Compare with the list of members where power comes from one: voters signed it, so no chain is needed."""
    snapshot = proposal.body["snapshot"]
    if snapshot["source"]["name"] != FIXED_LIST:
        return
    members = snapshot["source"]["parameters"].get("members")
    if shapes.table(shapes.power)(members) is not None:
        answer.fail("power_wrong", case.place(proposal), "the list of members is not a list of powers")
        return
    listed = {voter.lower(): int(power) for voter, power in members.items()}
    if len(listed) != len(members) or sum(listed.values()) != int(snapshot["total_supply"]):
        answer.fail("power_wrong", case.place(proposal), "the total supply is not the sum of the list of members")
    for voter, power in powers.items():
        if listed.get(voter, 0) != power:
            detail = f"{voter} voted with {power}, the list of members gives {listed.get(voter, 0)}"
            answer.fail("power_wrong", case.place(proposal), detail)


def _ballot_faults(ballot: Record, proposal: Record, case: Case) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with one ballot on its own."""
    body, community = ballot.body, parent_of(proposal, "community", case.records).body
    voter = body["voter"]
    if ballot.subject != f"ballot:{proposal.digest}/{voter}":
        yield "subject_wrong", f"the subject is not ballot:{proposal.digest}/{voter}"
    if int(body["power"]) <= 0:
        yield "ballot_malformed", "power is not above zero"
    if not proposal.body["opens_at"] <= body["cast_at"] < proposal.body["closes_at"]:
        window = f"voting was open from {proposal.body['opens_at']} until before {proposal.body['closes_at']}"
        yield "ballot_outside_voting", f"cast at {body['cast_at']}, but {window}"
    method = METHODS.get(proposal.body["method"])
    try:
        if method is not None:  # an unknown method is reported where it is counted
            method.validate(body["choice"])
        if eip712.checksum_address(voter) != voter:
            yield "ballot_malformed", f"voter {voter} is not written with its checksum"
        signed = eip712.ballot_digest(
            chain_id=community["chain_id"],
            token=community["token"],
            instance=community["instance"],
            community=community["slug"],
            proposal=f"0x{proposal.digest}",
            voter=voter,
            choice=body["choice"],
            reason=body["reason"],
            nonce=body["nonce"],
        )
        eip712.verify(signed, body["signature"], voter)
    except InvalidChoice as error:
        yield "ballot_malformed", str(error)
    except eip712.Eip712Error as error:
        yield "signature_wrong", f"{voter} did not sign this ballot for this proposal: {error.detail}"


def check_tallies(case: Case, answer: Answer) -> None:
    """4: counting the ballots again gives the recorded root and totals."""
    for tally in case.of_kind("tally"):
        proposal = parent_of(tally, "proposal", case.records)
        place, number = case.place(tally), proposal.body["number"]
        ballots = [ballot for _, ballot in case.ballots_of(proposal)]
        method = _method(proposal, answer, place)
        if method is None:
            continue
        if tally.body["method"] != proposal.body["method"]:
            answer.fail(
                "method_changed",
                place,
                f"counted by {tally.body['method']!r}, not {proposal.body['method']!r}",
            )
        if tally.body["ballot_count"] != len(ballots):
            detail = f"{len(ballots)} ballots are here, proposal {number} counted {tally.body['ballot_count']}"
            answer.fail("ballot_count_wrong", place, detail)
        ballots.sort(key=lambda ballot: str(ballot.body["voter"]).lower())
        root = merkle.root([ballot.canonical() for ballot in ballots])
        if root != tally.body["ballots_root"]:
            detail = f"these ballots have the root {root}, proposal {number} counted {tally.body['ballots_root']}"
            answer.fail("ballots_root_wrong", place, detail)
        count = _count(method, ballots, answer, place)
        if count is not None:
            totals = {option: str(power) for option, power in count.totals.items()}
            if totals != tally.body["totals"]:
                answer.fail(
                    "totals_wrong",
                    place,
                    f"recounted {_shown(totals)}, recorded {_shown(tally.body['totals'])}",
                )
    answer.evidence = f"{len(case.of_kind('tally'))} tallies recounted"


def _method(proposal: Record, answer: Answer, place: str) -> Method | None:
    method = METHODS.get(proposal.body["method"])
    if method is None:
        answer.fail("method_unknown", place, f"the voting method {proposal.body['method']!r} is not known here")
    return method


def _count(method: Method, ballots: Iterable[Record], answer: Answer, place: str) -> Count | None:
    try:
        return method.count((ballot.body["choice"], int(ballot.body["power"])) for ballot in ballots)
    except ValueError as error:
        answer.fail("totals_wrong", place, f"cannot be counted: {error}")
        return None


def check_decisions(case: Case, answer: Answer) -> None:
    """5: the recorded decision follows from count and frozen rules, and what was executed had passed."""
    for decision in case.of_kind("decision"):
        proposal = parent_of(decision, "proposal", case.records)
        place, number = case.place(decision), proposal.body["number"]
        method = _method(proposal, answer, place)
        if method is None:
            continue
        count = _count(method, (ballot for _, ballot in case.ballots_of(proposal)), answer, place)
        if count is None:
            continue
        try:
            rules = outcome.Rules.from_body(dict(proposal.body["rules"]))
            decided = outcome.decide(method, count, rules, int(proposal.body["snapshot"]["total_supply"]))
        except outcome.InvalidRules as error:
            answer.fail("rules_malformed", case.place(proposal), str(error))
            continue
        conditions = [condition.to_body() for condition in decided.conditions]
        if decision.body["passed"] is not decided.passed or decision.body["conditions"] != conditions:
            detail = f"the count of proposal {number} gives passed={decided.passed} with {_shown(conditions)}"
            answer.fail("decision_wrong", place, detail)
        if not decided.passed:
            answer.fail("not_passed", place, f"proposal {number} did not pass, yet something rests on it")
    answer.evidence = f"{len(case.of_kind('decision'))} decisions follow from their tallies and rules"


def check_times(case: Case, answer: Answer) -> None:
    """6: delay, voting period, timelock and execution window were respected; effects follow causes."""
    for holds, code, record, detail in (*_proposal_times(case), *_decision_times(case), *_effect_times(case)):
        if not holds:
            answer.fail(code, case.place(record), detail)
    answer.evidence = "voting delay, voting period, timelock and execution window hold for every proposal"


# (does it hold, the code if not, the record at fault, what was found and what was needed)
_Demand = tuple[bool, str, Record, str]


def _proposal_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on the times of each vote."""
    for proposal in case.of_kind("proposal"):
        body, rules = proposal.body, proposal.body["rules"]
        # An author may open later than the rules demand, never sooner; the ballots sign the moment.
        found, needed = body["opens_at"], body["submitted_at"] + rules["voting_delay_seconds"]
        yield found >= needed, "delay_shortened", proposal, f"voting opens at {found}, the delay gives {needed}"
        found, needed = body["closes_at"], body["opens_at"] + rules["voting_period_seconds"]
        yield (
            found == needed,
            "period_wrong",
            proposal,
            f"voting closes at {found}, the period gives {needed}",
        )
    for tally in case.of_kind("tally"):
        found, needed = tally.body["closed_at"], parent_of(tally, "proposal", case.records).body["closes_at"]
        yield found >= needed, "counted_early", tally, f"counted at {found}, voting closed at {needed}"


def _decision_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on the timelock of each decision and on its execution."""
    for decision in case.of_kind("decision"):
        proposal, body = parent_of(decision, "proposal", case.records), decision.body
        rules, closes, queued = proposal.body["rules"], proposal.body["closes_at"], body["queued_at"]
        yield (
            body["decided_at"] >= closes,
            "decided_early",
            decision,
            f"decided at {body['decided_at']}, closed {closes}",
        )
        if queued is None or body["eta"] is None or body["expires_at"] is None:
            number = proposal.body["number"]
            yield False, "not_queued", decision, f"proposal {number} was never queued behind the timelock"
            continue
        yield (
            queued >= closes,
            "queued_early",
            decision,
            f"queued at {queued}, before voting closed at {closes}",
        )
        found, needed = body["eta"], queued + rules["timelock_seconds"]
        code = "timelock_shortened" if found < needed else "timelock_wrong"
        detail = f"ready at {found}, the timelock of {rules['timelock_seconds']} s gives {needed}"
        yield found == needed, code, decision, detail
        found, needed = body["expires_at"], body["eta"] + rules["execution_window_seconds"]
        yield (
            found == needed,
            "window_wrong",
            decision,
            f"expires at {found}, the execution window gives {needed}",
        )
    for execution in case.of_kind("execution"):
        found, decision = execution.body["executed_at"], parent_of(execution, "decision", case.records)
        eta, expires = decision.body["eta"], decision.body["expires_at"]
        if eta is not None and expires is not None:
            yield (
                found >= eta,
                "executed_early",
                execution,
                f"executed at {found}, the timelock ran until {eta}",
            )
            yield found < expires, "executed_late", execution, f"executed at {found}, it expired at {expires}"


def _effect_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on what followed from the decisions."""
    for spec in case.of_kind("spec"):
        approved = _executed_at(spec, case)
        for part in (*parents_of(spec, "rule", case.records), *parents_of(spec, "dataset", case.records)):
            found = _executed_at(part, case)
            yield found <= approved, "adopted_late", part, f"adopted at {found}, after the spec at {approved}"
    for run in case.of_kind("run"):
        approved = _executed_at(parent_of(run, "spec", case.records), case)
        started, finished = run.body["started_at"], run.body["finished_at"]
        yield (
            started >= approved,
            "run_early",
            run,
            f"started at {started}, its proposal was executed at {approved}",
        )
        yield finished >= started, "run_early", run, f"finished at {finished}, before it started at {started}"
    for release in case.of_kind("release"):
        found, finished = (
            release.body["released_at"],
            parent_of(release, "run", case.records).body["finished_at"],
        )
        yield (
            found >= finished,
            "released_early",
            release,
            f"released at {found}, the run ended at {finished}",
        )


def _executed_at(record: Record, case: Case) -> int:
    return int(parent_of(record, "execution", case.records).body["executed_at"])


def _proposal_of(record: Record, case: Case) -> Record:
    """Return the proposal whose execution made this record."""
    decision = parent_of(parent_of(record, "execution", case.records), "decision", case.records)
    return parent_of(decision, "proposal", case.records)


def check_spec(case: Case, answer: Answer) -> None:
    """7: the spec, every dataset and every rule are word for word what their own proposals froze."""
    for execution in case.of_kind("execution"):
        proposal = parent_of(parent_of(execution, "decision", case.records), "proposal", case.records)
        if execution.body["kind"] != proposal.body["kind"]:
            detail = f"executed as {execution.body['kind']!r}, voted on as {proposal.body['kind']!r}"
            answer.fail("kind_changed", case.place(execution), detail)
    for kind, proposed in _PROPOSED_AS.items():
        for record in case.of_kind(kind):
            found = _proposal_of(record, case).body["kind"]
            if found != proposed:
                detail = f"a {kind} comes from a {proposed!r}, the voters were asked for a {found!r}"
                answer.fail("kind_changed", case.place(record), detail)
    for spec in case.of_kind("spec"):
        proposal = _proposal_of(spec, case)
        if not _same(proposal.body["payload"].get("spec"), spec.body):
            detail = f"it is not the spec that proposal {proposal.body['number']} put to the vote"
            answer.fail("spec_not_approved", case.place(spec), detail)
        _check_datasets(spec, case, answer)
    _check_payload("dataset", case, answer)
    _check_payload("rule", case, answer)
    release = case.release
    if release is not None:
        spec = parent_of(parent_of(release, "run", case.records), "spec", case.records)
        if release.body["model"].rpartition("/")[2] != spec.body["output"]:
            detail = f"released as {release.body['model']!r}, the spec makes {spec.body['output']!r}"
            answer.fail("model_changed", case.place(release), detail)
    counts = f"datasets ({len(case.of_kind('dataset'))}) and rules ({len(case.of_kind('rule'))})"
    answer.evidence = f"the spec is the approved one; its {counts} passed their own votes"


# The kind of proposal that each record may come from: a payload means what the voters were told that it means.
_PROPOSED_AS = {"spec": "model_update", "dataset": "dataset_inclusion", "rule": "ethics_rule"}

# What intake finds out (scans, files) need not be voted on; the digest, which fixes the content, always is.
_VOTED_ALWAYS = {"dataset": {"digest"}, "rule": {*shapes.RULE_KEYS}}


def _check_payload(kind: str, case: Case, answer: Answer) -> None:
    """Compare each record of this kind with the payload of the proposal that brought it in."""
    for record in case.of_kind(kind):
        proposal = _proposal_of(record, case)
        payload = proposal.body["payload"]
        voted = _VOTED_ALWAYS[kind] | (payload.keys() & record.body.keys())
        different = sorted(key for key in voted if not _same(payload.get(key), record.body[key]))
        if different:
            detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
            answer.fail(f"{kind}_not_approved", case.place(record), detail)


def _check_datasets(spec: Record, case: Case, answer: Answer) -> None:
    """Compare the datasets named in a spec with its dataset parents; the evaluation suite may be one more."""
    named = [entry["digest"] for entry in spec.body["datasets"]]
    suite = spec.body["evaluation"]["suite"]
    parents = {record.body["digest"]: record for record in parents_of(spec, "dataset", case.records)}
    if len(set(named)) != len(named) or not set(named) <= set(parents) <= {*named, suite}:
        detail = f"it trains on {_shown(sorted(named))}, its dataset records are {_shown(sorted(parents))}"
        answer.fail("datasets_spliced", case.place(spec), detail)
    for digest in named:
        if digest in parents and parents[digest].body["role"] != "training":
            answer.fail("dataset_role", case.place(parents[digest]), "trained on, but adopted for evaluation only")


def check_files(case: Case, answer: Answer) -> None:
    """8: the folder holds exactly the files of the manifest, and the model is what the run made."""
    answer.problems += case.folder_problems
    release = case.release
    run = _reached(release, "run", case)
    if release is None or run is None:
        answer.blocked = "there is no readable release and run to compare with"
        return
    try:
        loaded, data = bundle.read_manifest(case.folder)
    except BundleError as error:
        answer.fail(error.code, error.place, error.detail)
        return
    found = hashlib.sha256(data).hexdigest()
    if found != release.body["manifest_sha256"]:
        detail = f"SHA-256 {found}, the release says {release.body['manifest_sha256']}"
        answer.fail("manifest_changed", "provenance/manifest.json", detail)
    answer.problems += manifest.check(case.folder, loaded)
    listed = {file["path"]: file for file in loaded["files"]}
    if listed.get(CARD, {}).get("sha256") != release.body["card_sha256"]:
        answer.fail("card_changed", CARD, "the release names another model card")
    made = {file["path"]: file for file in run.body["artifact"]}
    for path in sorted(set(listed) | set(made)):
        if path in manifest.DOCUMENTS and path not in made:
            continue
        if listed.get(path) != made.get(path):
            answer.fail("artifact_swapped", path, "not the file that the run made")
    if not any(path.endswith(".safetensors") for path in made):
        answer.fail("artifact_swapped", case.place(run), "the run made no weights")
    size = sum(file["size"] for file in loaded["files"])
    answer.evidence = f"{len(listed)} files, {size} bytes, as listed; {len(made)} of them are what the run made"


def check_verdict(case: Case, answer: Answer) -> None:
    """9: judging the report again by the rules of the spec gives the recorded verdict, and it accepts."""
    for evaluation in case.of_kind("evaluation"):
        place = case.place(evaluation)
        spec = parent_of(parent_of(evaluation, "run", case.records), "spec", case.records)
        rules = parents_of(evaluation, "rule", case.records)
        if rules != parents_of(spec, "rule", case.records):
            answer.fail("rules_differ", place, "it was not judged by exactly the rules that the spec rests on")
        if evaluation.body["suite"] != spec.body["evaluation"]["suite"]:
            answer.fail("suite_changed", place, "measured on another evaluation suite than the approved one")
        report = gates.Report.from_record(evaluation.body, model=spec.body["output"])
        try:
            verdict = gates.decide([gates.Rule.from_record(rule.body) for rule in rules], report)
        except gates.GateError as error:
            answer.fail(error.code, place, str(error))
            continue
        if verdict.to_dict() != evaluation.body["verdict"]:
            answer.fail("verdict_wrong", place, f"the rules give {_shown(verdict.to_dict())}")
        if not verdict.accepted:
            broken = ", ".join(reason.rule for reason in verdict.reasons if not reason.holds)
            answer.fail("verdict_rejects", place, f"the model breaks {broken}")
        answer.evidence = f"{len(verdict.reasons)} rules judged again: accepted"


def check_signature(case: Case, answer: Answer) -> None:
    """10: the statement names this release and these files, signed by the key in the community record."""
    release, community = case.release, case.community
    if release is None or community is None:
        answer.blocked = "there is no readable release and community to compare with"
        return
    place = bundle.place_of(bundle.STATEMENT)
    try:
        signed = statement.parse(bundle.read_file(case.folder, bundle.STATEMENT))
        loaded, data = bundle.read_manifest(case.folder)
    except StatementError as error:
        answer.fail(error.code, place, error.detail)
        return
    except BundleError as error:
        answer.fail(error.code, error.place, error.detail)
        return
    key = community.body["release_key"]["public_key"]
    if not signed.signed_by(key):
        detail = f"not signed by the key that the voters' ballots commit to, fingerprint {fingerprint(key)}"
        answer.fail("signature_wrong", place, detail)
    if signed.release != release.digest:
        detail = f"it signs release {signed.release}, the bundle holds {release.digest}"
        answer.fail("release_changed", place, detail)
    if signed.manifest_sha256 != hashlib.sha256(data).hexdigest():
        answer.fail("manifest_changed", place, "it signs another manifest")
    if signed.files != tuple((file["path"], file["sha256"]) for file in loaded["files"]):
        answer.fail("subject_wrong", place, "the files that it signs are not those of the manifest")
    _check_trust(community, case, answer)


def _check_trust(community: Record, case: Case, answer: Answer) -> None:
    """Compare with what the person who verifies knows from elsewhere; say so plainly when that is nothing."""
    roots, key = case.trust_roots, community.body["release_key"]["public_key"]
    print_of_key = fingerprint(key)
    if roots.community is not None and roots.community != community.digest:
        detail = f"the community is {community.digest}, the trusted one {roots.community}"
        answer.fail("community_untrusted", case.place(community), detail)
    if roots.release_key is not None and roots.release_key not in (key, print_of_key):
        detail = f"the key has the fingerprint {print_of_key}, trusted is {roots.release_key}"
        answer.fail("key_untrusted", case.place(community), detail)
    answer.evidence = f"signed by the trusted key, fingerprint {print_of_key}"
    if roots.release_key is None and roots.community is None:
        answer.evidence = (
            f"signed by the key that the voters' ballots commit to; compare the fingerprint {print_of_key} "
            "with the one that the community publishes elsewhere"
        )


def _reached(record: Record | None, kind: str, case: Case) -> Record | None:
    """Return the one parent of this kind without trusting that parents were checked."""
    found = [case.records[parent] for parent in record.parents if parent in case.records] if record else []
    found = [parent for parent in found if parent.kind == kind]
    return found[0] if len(found) == 1 else None


def _same(left: object, right: object) -> bool:
    """Compare as written: to Python 1 equals true, to a trainer it may not."""
    return canonical_bytes(left) == canonical_bytes(right)


def _shown(value: object) -> str:
    """Shorten a value for a sentence."""
    shown = repr(value)
    return shown if len(shown) <= 300 else f"{shown[:297]}..."  # noqa: PLR2004 - a few lines on a screen
