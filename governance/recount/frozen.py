"""The first part of a bundle: header, charter, community, proposal, delegations. What was fixed before voting. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from governance import eip712
from governance.charter import Charter
from governance.counting import Terms, edges_of
from governance.delegation import DelegationError, Edge, require_whole
from governance.evidence import merkle
from governance.evidence.record import DIGEST_PATTERN, Record
from governance.evidence.signing import is_usable_public_key
from governance.onchain import SOURCE as BY_CONTRACT
from governance.outcome import InvalidRules
from governance.recount.demands import check_body, power, read_object, require
from governance.recount.lines import Lines
from governance.recount.report import BadEntry
from governance.tally import InvalidChoices, UnknownMethod
from governance.wallets.asking import ON_CHAIN, WalletSignature, asked_of

BUNDLE, VERSION = "commonweights-audit", 1
COMMUNITY = {"slug": str, "name": dict, "instance": str, "chain_id": int, "token": str, "release_key": dict}
PROPOSAL = {
    **dict.fromkeys(("number", "nonce", "seats", "submitted_at", "opens_at", "closes_at"), int),
    **dict.fromkeys(("kind", "tier", "title", "text", "author", "method", "method_version", "tie_rule"), str),
    **dict.fromkeys(("payload", "rules", "snapshot"), dict),
    **dict.fromkeys(("sponsors", "choices"), list),
}
DELEGATION = {
    **dict.fromkeys(("delegator", "delegate", "topic", "signature"), str),
    **dict.fromkeys(("share_bps", "expires_at", "nonce", "made_at"), int),
}
_SNAPSHOT_KEYS = {"block_number", "block_hash", "total_supply", "source", "house"}


@dataclass(frozen=True)
class Frozen:
    """What ballots commit to, checked: the records, the terms of the vote, and the delegations that hold."""

    community: Record
    proposal: Record
    terms: Terms
    edges: tuple[Edge, ...]
    delegations_root: str
    delegation_count: int
    wallets: tuple[WalletSignature, ...] = ()  # the delegations for which no key signed

    @property
    def house_total(self) -> int | None:
        """What the second house has in all, if there is one."""
        house = self.proposal.body["snapshot"]["house"]
        return None if house is None else int(house["total"])


def read_header(lines: Lines) -> str:
    """Return the digest of the proposal that the bundle is about."""
    value = read_object(lines, {"bundle", "version", "proposal"}, "the header of an audit bundle")
    if value["bundle"] != BUNDLE or type(value["version"]) is not int or value["version"] != VERSION:
        raise BadEntry(lines.number, "header_wrong", value, f"bundle {BUNDLE!r}, version {VERSION}")
    if not isinstance(value["proposal"], str) or not DIGEST_PATTERN.fullmatch(value["proposal"]):
        raise BadEntry(lines.number, "header_wrong", value["proposal"], "the digest of a proposal")
    return value["proposal"]


def read_frozen(lines: Lines, digest: str) -> Frozen:
    """Read the records up to the delegations.

    1. the charter is one, and the community rests on some charter
    2. the proposal is the one named, rests on both, and its rules are those of its tier
    3. each delegation was signed by who delegates, before voting was to open.
    """
    charter_record = lines.record("charter")  # 1
    try:
        charter = Charter.from_body(charter_record.body)
    except InvalidRules as error:
        raise BadEntry(lines.number, "charter_wrong", error.found, f"{error.field}: {error.allowed}") from error
    community = lines.record("community")
    _check_community(lines.number, community)
    slug = community.body["slug"]
    require(charter_record.subject == f"charter:{slug}", 2, "subject_wrong", charter_record.subject, f"charter:{slug}")
    proposal = lines.record("proposal")  # 2
    require(proposal.digest == digest, lines.number, "digest_wrong", proposal.digest, f"the proposal {digest}")
    parents = tuple(sorted((community.digest, charter_record.digest)))
    require(proposal.parents == parents, lines.number, "parent_wrong", proposal.parents, "this community and charter")
    terms = _check_proposal(lines.number, proposal, charter, slug)
    wallets: list[WalletSignature] = []
    edges, root, count = _read_delegations(lines, community, proposal, terms, wallets)  # 3
    return Frozen(community, proposal, terms, edges, root, count, tuple(wallets))


def _check_community(line: int, community: Record) -> None:
    body = community.body
    check_body(line, body, COMMUNITY)
    key = body["release_key"].get("public_key")
    require(is_usable_public_key(key), line, "key_unusable", key, "an Ed25519 public key (64 lower-case hex digits)")
    subject = f"community:{body['slug']}"
    require(community.subject == subject, line, "subject_wrong", community.subject, subject)
    require(len(community.parents) == 1, line, "parent_wrong", community.parents, "the charter that it began with")
    try:
        eip712.domain_separator(body["chain_id"], body["token"])
    except eip712.Eip712Error as error:
        raise BadEntry(line, "community_wrong", error.detail, "a chain and a token that wallets can name") from error


def _check_proposal(line: int, proposal: Record, charter: Charter, slug: str) -> Terms:
    """Hold the proposal against the charter and the method against what is counted here; return the terms."""
    body = proposal.body
    check_body(line, body, PROPOSAL | ({"sealing": dict} if "sealing" in body else {}))
    _check_snapshot(line, body["snapshot"], charter, body["kind"])
    require(
        proposal.subject == f"proposal:{slug}/{body['number']}",
        line,
        "subject_wrong",
        proposal.subject,
        f"proposal:{slug}/{body['number']}",
    )
    try:
        terms = Terms.from_body(body)
        terms.method.check_choices(terms.choices, terms.seats)
    except (InvalidRules, InvalidChoices) as error:
        raise BadEntry(line, "rules_wrong", error.found, error.allowed) from error
    except UnknownMethod as error:
        raise BadEntry(line, "method_unknown", body["method"], str(error)) from error
    method = (terms.method.version, terms.method.tie_rule)
    found = (body["method_version"], body["tie_rule"])
    require(found == method, line, "method_wrong", found, f"the version and tie rule that are counted here, {method}")
    tier = charter.tier_of(terms.kind)
    require(body["tier"] == tier, line, "tier_wrong", body["tier"], f"{tier}, for {terms.kind}")
    rules, period = charter.rules_of(terms.kind), terms.rules.voting_period_seconds
    least = rules.voting_period_seconds
    require(period >= least, line, "rules_wrong", f"a voting period of {period} s", f"at least {least} s")
    needed = replace(rules, voting_period_seconds=period)
    require(terms.rules == needed, line, "rules_wrong", body["rules"], f"the rules of tier {tier}: {needed.to_body()}")
    earliest = body["submitted_at"] + rules.voting_delay_seconds
    require(body["opens_at"] >= earliest, line, "delay_shortened", body["opens_at"], f"opening at {earliest} or later")
    sealing = charter.sealing_of(terms.kind)
    said, ruled = body.get("sealing"), None if sealing is None else sealing.to_body()
    require(said == ruled, line, "sealing_wrong", said, f"{ruled}, as the charter says who opens ballots")
    closes = body["opens_at"] + period
    require(body["closes_at"] == closes, line, "period_wrong", body["closes_at"], f"closing at {closes}")
    return terms


def _check_snapshot(line: int, snapshot: Mapping[str, Any], charter: Charter, kind: str) -> None:
    require(set(snapshot) == _SNAPSHOT_KEYS, line, "snapshot_wrong", sorted(snapshot), str(sorted(_SNAPSHOT_KEYS)))
    power(line, snapshot["total_supply"])
    source, house = snapshot["source"], snapshot["house"]
    name = source.get("name") if isinstance(source, dict) else None
    allowed = charter.power.get("source")
    require(name == allowed, line, "source_wrong", name, f"{allowed}, where the charter says power comes from")
    require(isinstance(source.get("parameters"), dict), line, "source_wrong", source, "parameters")
    if name == BY_CONTRACT:
        _check_pair(line, source["parameters"], charter.power["parameters"])
    has_say = charter.house is not None and charter.rules_of(kind).objection_bps > 0
    require((house is not None) == has_say, line, "house_wrong", house, "a second house exactly where it may object")
    if charter.house is not None and house is not None:
        name = house["source"].get("name") if isinstance(house.get("source"), dict) else None
        allowed = charter.house["source"]
        require(name == allowed, line, "house_wrong", name, f"{allowed}, where the charter says its power comes from")
        power(line, house.get("total"))


def _check_pair(line: int, found: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    """Hold the Governor, the anchor and the token of a proposal against those that its charter names."""
    for name in ("governor", "anchor", "token"):
        same = isinstance(found.get(name), str) and found[name].lower() == str(named.get(name)).lower()
        require(same, line, "source_wrong", f"{name} {found.get(name)}", f"{named.get(name)}, as the charter says")


def _read_delegations(
    lines: Lines, community: Record, proposal: Record, terms: Terms, wallets: list[WalletSignature]
) -> tuple[tuple[Edge, ...], str, int]:
    """Return the edges that hold, the Merkle root over all delegation records, and how many there are.

    Those of contract wallets are added to `wallets`: only their chain can say what they stand by.
    """
    on_chain = proposal.body["snapshot"]["source"]["name"] in ON_CHAIN
    records: list[Record] = []
    while lines.next.startswith(b'{"body":{"delegate":'):
        record = lines.record("delegation")
        line, body = lines.number, record.body
        check_body(line, body, DELEGATION | ({"wallet": dict} if "wallet" in body else {}))
        later = not records or records[-1].digest < record.digest
        require(later, line, "order_wrong", record.digest, "each delegation once, sorted by digest")
        require(record.parents == (community.digest,), line, "parent_wrong", record.parents, "this community")
        subject = f"delegation:{community.body['slug']}/{body['delegator']}"
        require(record.subject == subject, line, "subject_wrong", record.subject, subject)
        moment = proposal.body["opens_at"]
        made_at = body["made_at"]
        require(made_at <= moment, line, "delegation_late", f"made at {made_at}", f"at {moment} or before")
        digest = _signed_delegation(line, community.body, body)
        if "wallet" in body:
            asked = asked_of(body["wallet"])
            if asked is None or not on_chain:
                needed = "which wallet was asked, at which block, where power is read from a chain"
                raise BadEntry(line, "wallet_wrong", body["wallet"], needed)
            signed = WalletSignature(f"line {line}", body["delegator"], digest, body["signature"], asked, "delegation")
            wallets.append(signed)
        records.append(record)
    try:
        edges = edges_of((record.body for record in records), terms)
        require_whole(edges)
    except DelegationError as error:
        raise BadEntry(lines.number, error.code, error.detail, "delegations that can all be followed") from error
    return edges, merkle.root(record.canonical() for record in records), len(records)


def _signed_delegation(line: int, community: Mapping[str, Any], body: Mapping[str, Any]) -> bytes:
    """Return what was signed, by the delegator's key unless the record says that a contract wallet stood by it."""
    try:
        for address in (body["delegator"], body["delegate"]):
            checked = eip712.parse_address(address)
            require(checked == address, line, "address_checksum", address, f"{checked}, with its checksum")
        signed = eip712.delegation_digest(
            chain_id=community["chain_id"],
            token=community["token"],
            instance=community["instance"],
            community=community["slug"],
            delegator=body["delegator"],
            delegate=body["delegate"],
            topic=body["topic"],
            share_bps=body["share_bps"],
            expires_at=body["expires_at"],
            nonce=body["nonce"],
        )
        if "wallet" not in body:
            eip712.verify(signed, body["signature"], body["delegator"])
    except eip712.Eip712Error as error:
        raise BadEntry(line, "signature_wrong", error.detail, f"a signature of {body['delegator']}") from error
    return signed
