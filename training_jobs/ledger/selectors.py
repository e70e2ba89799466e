"""What pages and the API ask of the books."""

from typing import Any

from django.db.models import Q, QuerySet

from governance.errors import NotFound
from governance.models import Community
from training_jobs.ledger.currencies import DEVICE_SECOND
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerPosting
from training_jobs.models.ledger import CONTRIBUTION_CREDIT

_NUMBER_MAX = 2**63 - 1


def accounts(community: Community) -> QuerySet[LedgerAccount]:
    """Return the accounts of a community, by kind, owner and currency."""
    return LedgerAccount.objects.filter(community=community)


def entries(community: Community, account: int | None = None) -> QuerySet[LedgerEntry]:
    """Return the entries of a community, newest first, with all that is said of them; or those of one account."""
    found = LedgerEntry.objects.filter(community=community).order_by("-number")
    if account is not None:
        if not 0 < account <= _NUMBER_MAX or not accounts(community).filter(pk=account).exists():
            raise NotFound("unknown_account", "no account of this community has this number", found=account)
        touching = LedgerPosting.objects.filter(Q(source_id=account) | Q(target_id=account))
        found = found.filter(pk__in=touching.values("entry_id"))
    told = found.select_related("proposal__community", "hold")
    return told.prefetch_related("postings__source", "postings__target")


def contributed(community: Community) -> dict[str, Any]:
    """Return the device-seconds that members gave, as parameters of the source `contribution_credits`.

    Nothing counts by itself: a community that wants them to be voting power puts them into its charter, by a vote.
    """
    rows = accounts(community).filter(kind=CONTRIBUTION_CREDIT, currency=DEVICE_SECOND, balance__gt=0)
    return {"credits": {owner: str(given) for owner, given in rows.order_by("owner").values_list("owner", "balance")}}
