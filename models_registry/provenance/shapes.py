"""What a record of each kind holds: the exact keys of its body, their form, and its parents. Pure.

A version 1 record has these keys and no others. Whether what a record says is *true* is judged by `verify`.
"""

from collections.abc import Mapping

from governance.evidence.record import Record
from governance.evidence.signing import ALGORITHM, is_usable_public_key
from governance.wallets.asking import asked_of
from models_registry.datasets.kinds import KINDS
from models_registry.duties.tasks import FINDINGS
from models_registry.duties.tasks import KEYS as DUTY_KEYS
from models_registry.gates import JUDGED, SEVERITIES
from models_registry.hidden_suites.commitment import names_a_suite
from models_registry.provenance.forms import (
    Form,
    address,
    and_maybe,
    anything,
    at_least_keys,
    block_hash,
    boolean,
    by_digest,
    choice,
    count,
    digest,
    either,
    every,
    keys,
    model_name,
    one_of,
    or_null,
    power,
    ratio,
    revision,
    score,
    slug,
    table,
    text,
)
from models_registry.provenance.manifest import check_entries
from models_registry.rights.lifecycle import FOLLOW_UPS
from models_registry.rights.sources import CONSENT, RECORDED

VERSION = 1
MANY = 10_000
GUARDIANS_MAX = 16


def asked_wallet(value: object) -> str | None:
    """Accept how a contract wallet was asked about what no key signed."""
    return None if asked_of(value) else "does not say which wallet was asked at which block"


def _release_key(value: object) -> str | None:
    return keys(algorithm=one_of(ALGORITHM), public_key=_usable_key)(value)


def keys_in_force(value: object) -> str | None:
    """Accept the keys of a community: usable, each once, none revoked, and as many guardians as the threshold asks."""
    wrong = keys(
        guardians=every(keys(name=text, public_key=_usable_key)),
        release_key=_release_key,
        revoked=every(keys(public_key=_usable_key, reason=text)),
        threshold=count,
    )(value)
    if wrong is not None or not isinstance(value, dict):
        return wrong
    guardians = [guardian["public_key"] for guardian in value["guardians"]]
    if not value["threshold"] <= len(guardians) <= GUARDIANS_MAX:
        return f"threshold asks for {value['threshold']} of {len(guardians)} guardians (at most {GUARDIANS_MAX})"
    used = [value["release_key"]["public_key"], *guardians, *(entry["public_key"] for entry in value["revoked"])]
    return None if len(set(used)) == len(used) else "names one key twice; a revoked key is in force no more"


def _usable_key(value: object) -> str | None:
    return None if is_usable_public_key(value) else "is not a usable Ed25519 public key (64 lower-case hex characters)"


def _artifact(value: object) -> str | None:
    problems = check_entries(value, "artifact")
    return f"{problems[0].place}: {problems[0].detail}" if problems else None


def suite_name(value: object) -> str | None:
    """Accept the digest of a suite, or `hidden:` and the commitment to one."""
    return None if names_a_suite(value) else "is no digest of a suite, and no commitment to one"


# What was measured on one suite; `difference` is that of candidate less parent, sample by sample.
_MEASURED: Mapping[str, Form] = {
    "candidate": table(anything),
    "parent": table(anything),
    "difference": table(anything),
    "samples": count,
    "samples_sha256": digest,
}


_ATTESTED: Mapping[str, Form] = {
    "rule": slug,
    "reviewer": address,
    "finding": one_of(*FINDINGS),
    "reason": text,
    "at": count,
    "signature": text,
}
_SOURCE = keys(**dict.fromkeys(RECORDED, text) | {"consent": one_of(*CONSENT)})

rules = keys(
    quorum_bps=count,
    quorum_basis=text,
    quorum_votes=power,
    threshold_bps=count,
    support_bps=count,
    rejection_bps=count,
    super_quorum_bps=count,
    late_quorum_seconds=count,
    objection_bps=count,
    proposal_threshold=power,
    voting_delay_seconds=count,
    voting_period_seconds=count,
    timelock_seconds=count,
    execution_window_seconds=count,
    cool_down_seconds=count,
)
source = keys(name=text, version=lambda value: text(value) and count(value), parameters=anything)

_SEALING: Mapping[str, Form] = {"keyholders": every(address), "threshold": count, "wait_seconds": count}

BODIES: Mapping[str, Form] = {
    "charter": and_maybe(
        "sealing",
        and_maybe("keys_wait_seconds", count, keys(**_SEALING, tiers=every(text))),
        keys(
            tiers=table(rules),
            kinds=table(text),
            power=keys(source=text, parameters=anything),
            house=or_null(keys(name=keys(en=text, fr=text), source=text, parameters=anything)),
            council=keys(pause_seconds_max=count),
        ),
    ),
    "community": keys(
        slug=slug,
        name=keys(en=text, fr=text),
        instance=text,
        chain_id=count,
        token=address,
        release_key=_release_key,
    ),
    "proposal": and_maybe(
        "sealing",
        and_maybe("keys_wait_seconds", count, keys(**_SEALING)),
        keys(
            number=count,
            kind=text,
            tier=text,
            title=text,
            text=text,
            payload=anything,
            author=address,
            sponsors=every(and_maybe("wallet", asked_wallet, keys(address=address, signature=text))),
            nonce=count,
            method=text,
            method_version=text,
            choices=every(text),
            seats=count,
            tie_rule=text,
            rules=rules,
            snapshot=keys(
                block_number=count,
                block_hash=block_hash,
                total_supply=power,
                source=source,
                house=or_null(keys(total=power, block_number=count, block_hash=block_hash, source=source)),
            ),
            submitted_at=count,
            opens_at=count,
            closes_at=count,
        ),
    ),
    "delegation": and_maybe(
        "wallet",
        asked_wallet,
        keys(
            delegator=address,
            delegate=address,
            topic=text,
            share_bps=count,
            expires_at=count,
            nonce=count,
            signature=text,
            made_at=count,
        ),
    ),
    # What a Governor's numbers were, where they were no longer those of the proposal; so in tally and decision.
    "census": and_maybe(
        "governor",
        keys(total_supply=power, quorum_bps=count),
        keys(
            root=digest,
            count=count,
            total=power,
            house_total=power,
            delegations_root=digest,
            delegation_count=count,
            opens_at=count,
            closes_at=count,
            computed_at=count,
        ),
    ),
    "ballot": either(
        "sealed",
        and_maybe(
            "wallet",
            asked_wallet,
            keys(
                voter=address,
                sealed=text,
                nonce=count,
                power=power,
                house_power=power,
                signature=text,
                cast_at=count,
            ),
        ),
        and_maybe(
            "wallet",
            asked_wallet,
            keys(
                voter=address,
                choice=choice,
                reason=text,
                nonce=count,
                power=power,
                house_power=power,
                signature=text,
                cast_at=count,
            ),
        ),
    ),
    # Of sealed ballots: what they were sealed for, and what opened them.
    "sealing": keys(keys=every(keys(keyholder=address, public_key=digest, signature=text))),
    "unsealing": keys(secrets=every(keys(keyholder=address, secret=digest)), opened_at=count),
    "tally": and_maybe(
        "late_quorum_seconds",
        count,
        keys(
            method=text,
            choices=every(text),
            ballot_count=count,
            ballots_root=digest,
            totals=table(score),
            winners=every(text),
            invalid_count=count,
            cast=power,
            quorum_power=power,
            house=or_null(table(power)),
            closes_at=count,
            extended_by=or_null(digest),
            closed_early=boolean,
            closed_at=count,
        ),
    ),
    "decision": and_maybe(
        "timelock_seconds",
        count,
        keys(
            passed=boolean,
            conditions=every(keys(condition=text, holds=boolean, found=text, needed=text)),
            decided_at=count,
            queued_at=or_null(count),
            eta=or_null(count),
            expires_at=or_null(count),
        ),
    ),
    "execution": keys(executed_at=count, kind=text),
    # What kinds of data it is and in which country it is kept stands there only where it was said.
    "dataset": and_maybe(
        "data_kinds",
        every(slug),
        and_maybe(
            "country",
            slug,
            keys(
                slug=slug,
                title=text,
                license=text,
                role=one_of("training", "evaluation"),
                kind=one_of(*KINDS),
                files=every(keys(path=text, size=count, sha256=digest)),
                digest=digest,
                records=count,
                records_root=digest,
                shards=every(keys(first=count, records=count, size=count, sha256=digest)),
                languages=every(text),
                scans=every(keys(scan=text, passed=boolean, found=count, detail=text)),
                sources=every(_SOURCE),
                contributors=every(keys(contributor=or_null(address), records=table(count), share=ratio)),
                contributions=or_null(digest),
                replaces=or_null(digest),
            ),
        ),
    ),
    # Whether contributors take their own rows back without a vote, and by when a version without them is due.
    "taking_back": keys(allowed=boolean, days=or_null(count)),
    # Records taken out of a dataset (null: all of them), what is left, and what follows for the models: by a vote, or
    # by the rule on taking back, where a contributor did (`taken_back`).
    "removal": keys(
        digest=digest,
        records=or_null(every(digest)),
        successor=or_null(digest),
        why=text,
        follow_up=keys(action=one_of(*FOLLOW_UPS), days=or_null(count), because=text),
        request=text,
        taken_back=or_null(keys(by=address, at=count)),
    ),
    "rule": keys(
        slug=slug,
        title=text,
        why=text,
        metric=or_null(text),
        suite=or_null(suite_name),
        scope=text,
        comparator=or_null(text),
        bound=or_null(ratio),
        judged=or_null(one_of(*JUDGED)),
        severity=one_of(*SEVERITIES),
        sunset=or_null(count),
        # what the rule asks of people in the place of a gate; `gates` says that it is one or the other
        duty=or_null(keys(**dict.fromkeys(DUTY_KEYS, count) | {"task": text})),
    ),
    # A suite that nobody may see yet: `hidden_suites.commitment` binds its rows and what is public of them.
    "commitment": keys(
        commitment=digest,
        title=text,
        kind=one_of(*KINDS),
        records=count,
        languages=every(text),
        license=text,
        keeper=address,
        opens_within_seconds=count,
        committed_at=count,
    ),
    # What it turned out to be, once the model that it measures was fixed: it rests on the run that made the model.
    "opening": keys(commitment=digest, digest=digest, salt=digest, opened_at=count),
    # A vote that releases a model although it breaks rules; `run` is the run's number.
    "override": keys(run=count, evaluation=digest, rules=every(slug), reason=text),
    # Who signs releases from then on; community.release_key does until there is such a record.
    "keys": keys_in_force,
    # The recipe belongs to training_jobs; here only what the checks read.
    "spec": at_least_keys(
        base=keys(
            model=text,
            revision=revision,
            manifest_sha256=digest,
        ),
        datasets=every(at_least_keys(digest=digest, languages=every(text))),
        evaluation=keys(suite=digest),
        output=text,
    ),
    "run": keys(
        run=count,
        attempt=count,
        started_at=count,
        finished_at=count,
        steps=count,
        tokens=count,
        artifact=_artifact,
        code_digest=digest,
        environment=table(text),
        isolation=text,
        trace_sha256=digest,
    ),
    "evaluation": keys(
        suite=digest,
        **_MEASURED,
        further=by_digest(keys(**_MEASURED)),
        # what people attested whom rules asked to look; null: nobody was asked
        review=or_null(
            keys(
                opened_at=count,
                executors=every(address),
                attestations=every(and_maybe("wallet", asked_wallet, keys(**_ATTESTED))),
            )
        ),
        verdict=keys(
            accepted=boolean,
            reasons=every(
                keys(
                    rule=text,
                    metric=text,
                    severity=one_of(*SEVERITIES),
                    binds=boolean,
                    holds=boolean,
                    found=text,
                    needed=text,
                )
            ),
        ),
    ),
    "release": keys(
        model=model_name,
        version=count,
        revision=revision,
        manifest_sha256=digest,
        card_sha256=digest,
        released_at=count,
    ),
}

# kind → parent kind → (at least, at most)
PARENTS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    # The founding charter rests on nothing, a later one on the vote that changed the rules.
    "charter": {"execution": (0, 1)},
    "community": {"charter": (1, 1)},
    "proposal": {"community": (1, 1), "charter": (1, 1)},
    "delegation": {"community": (1, 1)},
    "census": {"proposal": (1, 1)},
    "ballot": {"proposal": (1, 1)},
    "sealing": {"proposal": (1, 1)},
    "unsealing": {"proposal": (1, 1), "sealing": (1, 1)},
    "tally": {"proposal": (1, 1), "census": (1, 1), "unsealing": (0, 1)},
    "decision": {"proposal": (1, 1), "tally": (1, 1)},
    "execution": {"decision": (1, 1)},
    # What a removal left of a dataset rests on that removal, too.
    "dataset": {"execution": (1, 1), "removal": (0, 1)},
    "taking_back": {"execution": (1, 1)},
    # One of the two that it can follow from, as `taken_back` says (`_removal_problem`).
    "removal": {"execution": (0, 1), "taking_back": (0, 1), "dataset": (1, 1)},
    # A rule that takes the place of an earlier one rests on that one, too.
    # One that is measured on a hidden suite rests on the commitment to it.
    "rule": {"execution": (1, 1), "rule": (0, 1), "commitment": (0, 1)},
    "commitment": {"community": (1, 1)},
    "opening": {"commitment": (1, 1), "run": (1, 1)},
    "override": {"execution": (1, 1), "evaluation": (1, 1)},
    "keys": {"execution": (1, 1)},
    "spec": {"execution": (1, 1), "dataset": (1, MANY), "rule": (1, MANY)},
    "run": {"spec": (1, 1)},
    "evaluation": {"run": (1, 1), "rule": (1, MANY), "opening": (0, MANY)},
    "release": {"run": (1, 1), "evaluation": (1, 1), "keys": (0, 1), "override": (0, 1)},
}


def body_problem(record: Record) -> str | None:
    """Say what is wrong with the kind, version or body of a record, or return nothing."""
    form = BODIES.get(record.kind)
    if form is None:
        return f"the kind {record.kind!r} is not known"
    if record.version != VERSION:
        return f"version {record.version} of {record.kind} is not known, only {VERSION}"
    wrong = form(record.body)
    return f"the body {wrong}" if wrong else None


def parents_problem(record: Record, records: Mapping[str, Record]) -> str | None:
    """Say what is wrong with the kinds of a record's parents (all are in `records`), or return nothing."""
    found: dict[str, int] = {}
    for parent in record.parents:
        kind = records[parent].kind
        found[kind] = found.get(kind, 0) + 1
    allowed = PARENTS[record.kind]
    for kind in sorted(set(found) - set(allowed)):
        return f"a {record.kind} does not rest on a {kind}"
    for kind, (least, most) in allowed.items():
        if not least <= found.get(kind, 0) <= most:
            demand = f"{least}{'' if least == most else ' or more'} {kind}"
            return f"a {record.kind} rests on {demand}, found {found.get(kind, 0)}"
    return _removal_problem(record, found) if record.kind == "removal" else None


def _removal_problem(record: Record, found: Mapping[str, int]) -> str | None:
    by_rule = record.body["taken_back"] is not None
    if (found.get("taking_back", 0), found.get("execution", 0)) == (int(by_rule), int(not by_rule)):
        return None
    return "a removal rests on a vote, or on the rule on taking back where a contributor took rows back"


def parent_of(record: Record, kind: str, records: Mapping[str, Record]) -> Record:
    """Return the one parent of this kind, of a record whose parents were checked."""
    return parents_of(record, kind, records)[0]


def parents_of(record: Record, kind: str, records: Mapping[str, Record]) -> list[Record]:
    """Return the parents of this kind, by digest."""
    return [records[parent] for parent in record.parents if records[parent].kind == kind]
