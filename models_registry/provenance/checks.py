"""The ten checks of a release, one function each. `verify` numbers and reports them.

A check gets the bundle as read (`Case`) and collects problems in an `Answer`. It may rely on nothing but the checks that
`verify` lists as its needs. Order, titles and hints stand in `verify`.
"""

import hashlib
from collections.abc import Iterable, Iterator

from governance import eip712, outcome
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from governance.tally import METHODS
from governance.tally.base import Count, InvalidChoice, Method
from models_registry import gates
from models_registry.provenance import bundle, lineage, manifest, shapes, statement
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.case import Answer, Case, Unreadable
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.provenance.signing import fingerprint
from models_registry.provenance.statement import StatementError

CARD = "README.md"


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
    communities, place = case.of_kind("community"), bundle.place_of(bundle.RECORDS)
    if len(communities) != 1:
        answer.fail("community_wrong", place, f"{len(communities)} community records, expected exactly one")
    if answer.problems:
        return
    slug = communities[0].body["slug"]
    if communities[0].subject != f"community:{slug}":
        answer.fail("subject_wrong", case.place(communities[0]), f"the subject is not community:{slug}")
    for proposal in case.of_kind("proposal"):
        if proposal.subject != f"proposal:{slug}/{proposal.body['number']}":
            answer.fail(
                "subject_wrong",
                case.place(proposal),
                f"the subject is not proposal:{slug}/{proposal.body['number']}",
            )
    for decision in case.of_kind("decision"):
        if parent_of(parent_of(decision, "tally", case.records), "proposal", case.records) != parent_of(
            decision, "proposal", case.records
        ):
            answer.fail("decision_spliced", case.place(decision), "its tally counts another proposal")
    for release in case.of_kind("release"):
        evaluation = parent_of(release, "evaluation", case.records)
        if parent_of(evaluation, "run", case.records) != parent_of(release, "run", case.records):
            answer.fail(
                "run_spliced",
                case.place(release),
                "its evaluation measured another run than the one released",
            )
    answer.evidence = f"community {slug}, {len(case.of_kind('proposal'))} proposals, every parent is there"


def check_ballots(case: Case, answer: Answer) -> None:
    """3: each ballot is signed by its voter for exactly this proposal; one per voter; in time; within the supply."""
    answer.problems += case.ballot_problems
    proposals = {proposal.digest: proposal for proposal in case.of_kind("proposal")}
    keys: list[tuple[int, str, str]] = []
    cast: dict[str, dict[str, int]] = {digest: {} for digest in proposals}
    for place, ballot in case.ballots:
        proposal = proposals.get(ballot.parents[0]) if len(ballot.parents) == 1 else None
        if proposal is None:
            detail = (
                f"it votes on {', '.join(ballot.parents) or 'nothing'}, which is no proposal of this release"
            )
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
            detail = (
                f"{len(ballots)} ballots are here, proposal {number} counted {tally.body['ballot_count']}"
            )
            answer.fail("ballot_count_wrong", place, detail)
        ballots.sort(key=lambda ballot: str(ballot.body["voter"]).lower())
        root = merkle.root([ballot.canonical() for ballot in ballots])
        if root != tally.body["ballots_root"]:
            detail = (
                f"these ballots have the root {root}, proposal {number} counted {tally.body['ballots_root']}"
            )
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
        answer.fail(
            "method_unknown", place, f"the voting method {proposal.body['method']!r} is not known here"
        )
    return method


def _count(method: Method, ballots: Iterable[Record], answer: Answer, place: str) -> Count | None:
    try:
        return method.count((ballot.body["choice"], int(ballot.body["power"])) for ballot in ballots)
    except ValueError as error:
        answer.fail("totals_wrong", place, f"cannot be counted: {error}")
        return None


def check_decisions(case: Case, answer: Answer) -> None:
    """5: from the count and the frozen rules follows the recorded decision, and what was executed had passed."""
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
    """6: delay, voting period, timelock and execution window were respected, and effects follow their causes."""

    def require(holds: bool, code: str, record: Record, detail: str) -> None:  # noqa: FBT001 - reads as a sentence
        if not holds:
            answer.fail(code, case.place(record), detail)

    for proposal in case.of_kind("proposal"):
        body, rules = proposal.body, proposal.body["rules"]
        opens = body["submitted_at"] + rules["voting_delay_seconds"]
        require(
            body["opens_at"] == opens,
            "delay_wrong",
            proposal,
            f"opens at {body['opens_at']}, the delay gives {opens}",
        )
        closes = body["opens_at"] + rules["voting_period_seconds"]
        require(
            body["closes_at"] == closes,
            "period_wrong",
            proposal,
            f"closes at {body['closes_at']}, not {closes}",
        )
    for tally in case.of_kind("tally"):
        closes = parent_of(tally, "proposal", case.records).body["closes_at"]
        closed = tally.body["closed_at"]
        require(closed >= closes, "counted_early", tally, f"counted at {closed}, voting closed at {closes}")
    for decision in case.of_kind("decision"):
        proposal, body = parent_of(decision, "proposal", case.records), decision.body
        rules, number = proposal.body["rules"], proposal.body["number"]
        closes = proposal.body["closes_at"]
        require(
            body["decided_at"] >= closes,
            "decided_early",
            decision,
            f"decided at {body['decided_at']}, closed {closes}",
        )
        if body["queued_at"] is None or body["eta"] is None or body["expires_at"] is None:
            answer.fail(
                "not_queued", case.place(decision), f"proposal {number} was never queued behind the timelock"
            )
            continue
        queued = body["queued_at"]
        require(
            queued >= closes,
            "queued_early",
            decision,
            f"queued at {queued}, before voting closed at {closes}",
        )
        eta = queued + rules["timelock_seconds"]
        detail = f"proposal {number} was ready at {body['eta']}, the timelock of {rules['timelock_seconds']} s gives {eta}"
        require(
            body["eta"] == eta,
            "timelock_shortened" if body["eta"] < eta else "timelock_wrong",
            decision,
            detail,
        )
        expires = body["eta"] + rules["execution_window_seconds"]
        detail = f"expires at {body['expires_at']}, the execution window gives {expires}"
        require(body["expires_at"] == expires, "window_wrong", decision, detail)
    for execution in case.of_kind("execution"):
        decision = parent_of(execution, "decision", case.records)
        executed, eta, expires = (
            execution.body["executed_at"],
            decision.body["eta"],
            decision.body["expires_at"],
        )
        if eta is not None and expires is not None:
            require(
                executed >= eta,
                "executed_early",
                execution,
                f"executed at {executed}, the timelock ran until {eta}",
            )
            require(
                executed < expires,
                "executed_late",
                execution,
                f"executed at {executed}, it expired at {expires}",
            )
    for run in case.of_kind("run"):
        approved = _executed_at(parent_of(run, "spec", case.records), case)
        started, finished = run.body["started_at"], run.body["finished_at"]
        require(
            started >= approved,
            "run_early",
            run,
            f"started at {started}, its proposal was executed at {approved}",
        )
        require(
            finished >= started, "run_early", run, f"finished at {finished}, before it started at {started}"
        )
    for spec in case.of_kind("spec"):
        approved = _executed_at(spec, case)
        for part in (*parents_of(spec, "rule", case.records), *parents_of(spec, "dataset", case.records)):
            adopted = _executed_at(part, case)
            require(
                adopted <= approved,
                "adopted_late",
                part,
                f"adopted at {adopted}, after the spec at {approved}",
            )
    for release in case.of_kind("release"):
        finished, released = (
            parent_of(release, "run", case.records).body["finished_at"],
            release.body["released_at"],
        )
        require(
            released >= finished,
            "released_early",
            release,
            f"released at {released}, the run ended at {finished}",
        )
    answer.evidence = "voting delay, voting period, timelock and execution window hold for every proposal"


def _executed_at(record: Record, case: Case) -> int:
    return int(parent_of(record, "execution", case.records).body["executed_at"])


def _proposal_of(record: Record, case: Case) -> Record:
    """Return the proposal whose execution made this record."""
    decision = parent_of(parent_of(record, "execution", case.records), "decision", case.records)
    return parent_of(decision, "proposal", case.records)


def check_spec(case: Case, answer: Answer) -> None:
    """7: the spec, every dataset and every rule are word for word what their own proposals froze before the vote."""
    for execution in case.of_kind("execution"):
        proposal = parent_of(parent_of(execution, "decision", case.records), "proposal", case.records)
        if execution.body["kind"] != proposal.body["kind"]:
            detail = f"executed as {execution.body['kind']!r}, voted on as {proposal.body['kind']!r}"
            answer.fail("kind_changed", case.place(execution), detail)
    for spec in case.of_kind("spec"):
        proposal = _proposal_of(spec, case)
        number = proposal.body["number"]
        if not _same(proposal.body["payload"].get("spec"), spec.body):
            answer.fail(
                "spec_not_approved",
                case.place(spec),
                f"it is not the spec that proposal {number} put to the vote",
            )
        _check_datasets_of(spec, case, answer)
    for dataset in case.of_kind("dataset"):
        proposal = _proposal_of(dataset, case)
        payload = proposal.body["payload"]
        # What the vote was about must be in the payload; what intake found out (scans, counts) need not be.
        different = [
            key
            for key, value in dataset.body.items()
            if (key in payload or key == "digest") and not _same(payload.get(key), value)
        ]
        if different:
            detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
            answer.fail("dataset_not_approved", case.place(dataset), detail)
    for rule in case.of_kind("rule"):
        proposal = _proposal_of(rule, case)
        payload = proposal.body["payload"]
        different = [key for key, value in rule.body.items() if not _same(payload.get(key), value)]
        if different:
            detail = f"proposal {proposal.body['number']} put another {', '.join(different)} to the vote"
            answer.fail("rule_not_approved", case.place(rule), detail)
    release = case.release
    if release is not None:
        spec = parent_of(parent_of(release, "run", case.records), "spec", case.records)
        if release.body["model"].rpartition("/")[2] != spec.body["output"]:
            detail = f"released as {release.body['model']!r}, the spec makes {spec.body['output']!r}"
            answer.fail("model_changed", case.place(release), detail)
    counts = f"{len(case.of_kind('dataset'))} datasets and {len(case.of_kind('rule'))} rules"
    answer.evidence = f"the spec is the approved one, and {counts} passed their own votes"


def _check_datasets_of(spec: Record, case: Case, answer: Answer) -> None:
    """The datasets named in the spec are its dataset parents; the evaluation suite may be one more."""
    named = [entry["digest"] for entry in spec.body["datasets"]]
    suite = spec.body["evaluation"]["suite"]
    parents = {record.body["digest"]: record for record in parents_of(spec, "dataset", case.records)}
    if len(set(named)) != len(named) or not set(named) <= set(parents) <= {*named, suite}:
        detail = f"it trains on {_shown(sorted(named))}, its dataset records are {_shown(sorted(parents))}"
        answer.fail("datasets_spliced", case.place(spec), detail)
    for digest in named:
        if digest in parents and parents[digest].body["role"] != "training":
            answer.fail(
                "dataset_role", case.place(parents[digest]), "trained on, but adopted for evaluation only"
            )


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
    try:
        answer.problems += manifest.check(case.folder, loaded)
    except OSError as error:
        raise Unreadable(f"{error.filename or case.folder}: {error.strerror}") from error
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
    answer.evidence = (
        f"{len(listed)} files, {size} bytes, as listed; {len(made)} of them are what the run made"
    )


def check_verdict(case: Case, answer: Answer) -> None:
    """9: judging the report again by the rules of the spec gives the recorded verdict, and it accepts."""
    for evaluation in case.of_kind("evaluation"):
        place = case.place(evaluation)
        spec = parent_of(parent_of(evaluation, "run", case.records), "spec", case.records)
        rules = parents_of(evaluation, "rule", case.records)
        if rules != parents_of(spec, "rule", case.records):
            answer.fail(
                "rules_differ", place, "it was not judged by exactly the rules that the spec rests on"
            )
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
    place = "provenance/statement.json"
    try:
        signed = statement.parse(bundle.read_file(case.folder, bundle.STATEMENT))
        loaded, data = bundle.read_manifest(case.folder)
    except (StatementError, BundleError) as error:
        answer.fail(error.code, getattr(error, "place", place), error.detail)
        return
    except OSError as error:
        raise Unreadable(f"{error.filename or case.folder}: {error.strerror}") from error
    key = community.body["release_key"]["public_key"]
    print_of_key = fingerprint(key)
    if not signed.signed_by(key):
        detail = f"not signed by the release key {print_of_key} of the community that the voters' ballots commit to"
        answer.fail("signature_wrong", place, detail)
    if signed.release != release.digest:
        answer.fail(
            "release_changed", place, f"it signs release {signed.release}, the bundle holds {release.digest}"
        )
    if signed.manifest_sha256 != hashlib.sha256(data).hexdigest():
        answer.fail("manifest_changed", place, "it signs another manifest")
    if signed.files != tuple((file["path"], file["sha256"]) for file in loaded["files"]):
        answer.fail("subject_wrong", place, "the files that it signs are not those of the manifest")
    roots = case.trust_roots
    if roots.community is not None and roots.community != community.digest:
        answer.fail(
            "community_untrusted",
            case.place(community),
            f"community {community.digest}, trusted {roots.community}",
        )
    if roots.release_key is not None and roots.release_key not in (key, print_of_key):
        answer.fail(
            "key_untrusted", case.place(community), f"fingerprint {print_of_key}, trusted {roots.release_key}"
        )
    if roots.release_key is None and roots.community is None:
        compare = f"compare the fingerprint {print_of_key} with what the community publishes elsewhere"
        answer.evidence = f"signed by the key that the voters' ballots commit to; {compare}"
    else:
        answer.evidence = f"signed by the trusted key, fingerprint {print_of_key}"


def _reached(record: Record | None, kind: str, case: Case) -> Record | None:
    """Return the one parent of this kind without trusting that parents were checked."""
    if record is None:
        return None
    return _only(
        [case.records[p] for p in record.parents if p in case.records and case.records[p].kind == kind]
    )


def _same(left: object, right: object) -> bool:
    """Compare as written: to Python 1 equals true, to a trainer it may not."""
    return canonical_bytes(left) == canonical_bytes(right)


def _shown(value: object) -> str:
    """Shorten a value for a sentence."""
    shown = repr(value)
    return shown if len(shown) <= 300 else f"{shown[:297]}..."  # noqa: PLR2004 - a few lines on a screen
