"""What of a recount only the chain can confirm, asked of a node that the reader names. Made only when asked for."""

from dataclasses import replace

from governance.chain.node import Node, NotAnswered
from governance.onchain.seen import look_up
from governance.recount.report import BadEntry, ContractVote, Report
from governance.wallets.again import ask_again


def asked_of_chain(report: Report, url: str) -> tuple[Report, bool]:
    """Return the report with what the chain said, and whether the node answered all that was asked.

    Raises ValueError for an address that no node can have. A bundle that does not hold is not asked about.
    """
    node = Node(url)
    if report.bad is not None or report.chain_id is None:
        return report, True
    if report.contract is not None:
        return _asked_of_governor(report, report.contract, node, report.chain_id)
    if not report.wallets:
        return report, True
    try:
        found = ask_again(node, report.wallets, report.chain_id)
    except NotAnswered as error:
        return replace(report, not_checked=(*report.not_checked, f"contract wallets on the chain: {error}")), False
    if found.problems:
        place, detail = found.problems[0]
        line = int(place.removeprefix("line "))
        return replace(report, bad=BadEntry(line, "wallet_wrong", detail, "a wallet that stood by this")), True
    left = tuple(sentence for sentence in report.not_checked if "contract wallets" not in sentence)
    return replace(report, checked=(*report.checked, found.evidence), not_checked=left), True


def _asked_of_governor(report: Report, contract: ContractVote, node: Node, chain_id: int) -> tuple[Report, bool]:
    """Look every vote up where its ballot says that it stands, and ask the Governor for its own count."""
    try:
        votes, said = contract.votes, contract.said
        found = look_up(node, contract.approval, votes, chain_id, closed=report.closed, said=said)
    except NotAnswered as error:
        return replace(report, not_checked=(*report.not_checked, f"the votes on the chain: {error}")), False
    if found.problems:
        place, detail = found.problems[0]
        bad = BadEntry(int(place.removeprefix("line ")), "vote_not_on_chain", detail, "a vote that the Governor took")
        return replace(report, bad=bad), True
    left = tuple(sentence for sentence in report.not_checked if "that the Governor took" not in sentence)
    return replace(report, checked=(*report.checked, found.evidence), not_checked=left), True
