"""Check 3: who could vote, who backed a proposal and who voted, each with their own power and signature. Pure.

Single lines are judged by `votes`; here is what they amount to.
"""

from governance import eip712
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.shapes import parents_of
from models_registry.provenance.signed import sponsorship_signed
from models_registry.provenance.votes import Vote, backers


def check_ballots(case: Case, answer: Answer) -> None:
    """3: each ballot is signed by its voter for this proposal, once, in time, with power from a census that adds up."""
    for vote in case.votes:
        _check_sums(vote)
        _check_supply(vote)
        _check_sponsors(vote)
        _check_opening(vote, case)
        for code, detail in vote.places.census_faults() if vote.places else ():
            vote.fail(code, vote.place, detail)
        answer.problems += vote.problems
    answer.problems += case.line_problems
    ballots = sum(vote.ballot_count for vote in case.votes)
    members = sum(vote.census_count for vote in case.votes)
    delegations = sum(vote.delegation_count for vote in case.votes)
    wallets = sum(vote.wallet_count for vote in case.votes)
    answer.evidence = (
        f"{ballots} ballots of {members} members and {delegations} delegations, every signature recovered to its signer"
    )
    contracts = sum(vote.places.count for vote in case.votes if vote.places)
    sealed = sum(vote.opener.count for vote in case.votes if vote.opener)
    void = sum(vote.opener.void for vote in case.votes if vote.opener)
    if sealed:
        answer.evidence += f"; {sealed} sealed ballots opened and sealed again, {void} of them void"
    if contracts:
        answer.evidence += f"; but {contracts} are votes that a Governor took, which only its chain confirms (check 11)"
    if wallets:
        said = "ballots by contract wallets, which only the chain can confirm (check 11)"
        answer.evidence += f"; but not those of {wallets} {said}"
    backing = sum(vote.backing_wallets for vote in case.votes)
    if backing:
        said = "delegations and sponsorships by contract wallets, which only the chain can confirm (check 11)"
        answer.evidence += f"; but not those of {backing} {said}"


def _check_opening(vote: Vote, case: Case) -> None:
    """See that sealed ballots were opened as they had to be, and that others were not sealed."""
    if vote.opener is not None and vote.opener.problem is not None:
        vote.fail("unsealing_wrong", vote.place, vote.opener.problem)
    if vote.opener is None and parents_of(vote.tally, "unsealing", case.records):
        vote.fail("unsealing_wrong", vote.place, "its ballots are not sealed, and secrets open them")


def _check_sums(vote: Vote) -> None:
    """Compare the lines with the census record."""
    body = vote.census.body
    for name, found in (
        ("root", vote.census_root),
        ("count", vote.census_count),
        ("total", str(vote.total)),
        ("house_total", str(vote.house_total)),
    ):
        if body[name] != found:
            vote.fail("census_wrong", vote.place, f"{name} is {found} here, the census record says {body[name]}")
    for name, found in (
        ("delegations_root", vote.delegations_root),
        ("delegation_count", vote.delegation_count),
    ):
        if body[name] != found:
            vote.fail("delegations_wrong", vote.place, f"{name} is {found} here, the census record says {body[name]}")


def _check_supply(vote: Vote) -> None:
    """Compare the sums with the snapshot, and with the list of members where power comes from one."""
    snapshot = vote.proposal.body["snapshot"]
    house = snapshot["house"]
    for found, supply, listed in (
        (vote.total, vote.terms.total_supply if vote.terms else int(snapshot["total_supply"]), vote.listed),
        (vote.house_total, int(house["total"]) if house else 0, vote.house_listed),
    ):
        if found > supply:
            vote.fail("supply_exceeded", vote.place, f"the census has {found}, more than the total supply {supply}")
        if listed is not None and not sum(listed.values()) == found == supply:
            detail = f"the census has {found} of a supply of {supply}, the list of members {sum(listed.values())}"
            vote.fail("power_wrong", vote.place, detail)


def _check_sponsors(vote: Vote) -> None:
    """See that author and sponsors, each once, had the power that proposing takes, and that the sponsors signed."""
    body = vote.proposal.body
    names = [name.lower() for name in backers(vote.proposal)]
    if len(set(names)) != len(names):
        vote.fail("sponsor_twice", vote.place, "somebody stands twice among the author and the sponsors")
    for sponsor in body["sponsors"]:
        try:
            signed = sponsorship_signed(vote.community.body, body, sponsor["address"])
            if "wallet" in sponsor:
                vote.back_by_wallet(sponsor["address"], vote.place)
            else:
                eip712.verify(signed, sponsor["signature"], sponsor["address"])
        except eip712.Eip712Error as error:
            detail = f"{sponsor['address']} did not sponsor this draft: {error.detail}"
            vote.fail("signature_wrong", vote.place, detail)
    # A Governor asks for this power in the second before the proposal, which is not that of the census.
    needed = 0 if vote.places else int(body["rules"]["proposal_threshold"])
    if vote.sponsored < needed:
        vote.fail("threshold_missed", vote.place, f"author and sponsors have {vote.sponsored}, needed {needed}")
