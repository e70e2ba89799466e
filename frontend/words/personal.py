"""What stays of somebody who goes: what it is, where others see it, and why it stays.

The keys are the English texts that `governance/portability` and its likes give out; what is not here is shown as it is.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from frontend.words.base import Text

WHAT: dict[str, Text] = {
    "operator": _("The account of an operator"),
    "ballots": _("Ballots"),
    "delegations": _("Delegations"),
    "proposals": _("Proposals"),
    "sponsorships": _("Proposals co-signed"),
    "guardian voices": _("Words of a guardian"),
    "census entries": _("Entries in censuses"),
    "imported ballots": _("Ballots brought from elsewhere"),
    "events": _("Lines of the log"),
    "requests": _("Requests about data"),
    "incidents": _("Reports of harm"),
    "datasets": _("Datasets registered"),
    "calls": _("Calls taken up"),
    "intakes": _("Datasets brought in"),
    "uploads": _("Files on their way in"),
    "runners": _("Machines, by name"),
    "attestations": _("Reviews of runs"),
    "newcomer attestations": _("Who vouched for newcomers to computing"),
    "previews": _("Previews asked for"),
    "inquiries": _("Measurements asked for"),
    "sites": _("Sites that were offered"),
    "accounts": pgettext_lazy("of books", "Accounts in the books"),
    "wallets' ballots": _("Ballots that wait for the owners of a wallet"),
    "sealed ballots": _("Sealed ballots"),
    "keys for sealed ballots": _("Keys for sealed ballots"),
    "consultations": _("Consultations begun"),
    "places of comments": _("Places of comments in their threads"),
    "acts of moderation": _("Acts of moderation"),
    "co-author": _("Proposals written with others"),
    "draft versions": _("Versions of drafts"),
}
WHERE: dict[str, Text] = {
    "": _("nowhere"),
    "the page of the vote, the log, bundles": _("the page of the vote, the log, audit bundles"),
    "the page of delegates, the log, bundles": _("the page of delegates, the log, audit bundles"),
    "their pages and the log": _("their pages and the log"),
    "the page of the proposal": _("the page of the proposal"),
    "the page of the vote, bundles": _("the page of the vote, audit bundles"),
    "the history": _("the page of votes from elsewhere"),
    "the log": _("the log"),
    "the log, by digest": _("the log, as a digest"),
    "the page of the incident": _("the page of the incident"),
    "the page of the dataset": _("the page of the dataset"),
    "the page of the call": _("the page of the call"),
    "the pages of runs": _("the pages of runs"),
    "the page of the run, bundles": _("the page of the run, audit bundles"),
    "the page of the version": _("the page of the version"),
    "the page of the site": _("the page of the site"),
    "the page of newcomers": _("the page of newcomers"),
    "the books": _("the books"),
    "the page of the vote, until it is over": _("the page of the vote, until it is over"),
    "the log and bundles": _("the log and audit bundles"),
    "bundles and the log": _("audit bundles and the log"),
    "the page of the discussion": _("the page of the discussion"),
    "the page of moderation": _("the page of moderation"),
    "the page of versions": _("the page of versions"),
}
WHY: dict[str, Text] = {
    "it was signed in public, and the results rest on it": _("It was signed in public, and the results rest on it."),
    "the community's log is append-only: without this line no later proof would hold": _(
        "The community's log only grows: without this line no later proof would hold."
    ),
    "the census of a vote names who could vote: its root is published": _(
        "The census of a vote names who could vote; its fingerprint is published."
    ),
    "a vote that was brought from elsewhere, where it is public, too": _(
        "The vote was brought from elsewhere, where it is public, too."
    ),
    "an operator of this site: another operator removes the account": _(
        "You operate this site: another operator removes the account."
    ),
    "the community has to answer it, and the log has its digest; how to reach whoever wrote it is gone": _(
        "The community has to answer it, and the log has its digest. How to reach you goes."
    ),
    "the log names who did it, and what was decided rests on it": _(
        "The log names who did it, and what was decided rests on it."
    ),
    "a worker reads it at this moment; it goes when that is over": _(
        "It is being read at this moment. It goes when that is over."
    ),
    "the log names who did it": _("The log names who did it."),
    "it was shown to everybody as a part of a draft": _("It was shown to everybody as a part of a draft."),
    "it was signed, and a verdict rests on it": _("It was signed, and a verdict rests on it."),
    "the books of the community balance only with every account": _(
        "The books of the community balance only with every account."
    ),
}


def staying(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return one thing that stays, in the reader's language."""
    return {
        "what": WHAT.get(each["what"], each["what"]),
        "where": WHERE.get(each["where"], each["where"]),
        "why": WHY.get(each["why"], each["why"]),
        "rows": each["rows"],
    }
