"""Answers: what did I sign, and was it counted."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from governance import selectors


def detail(request: HttpRequest, digest: str) -> HttpResponse:
    """Show the receipt of a ballot."""
    shown = selectors.receipt(digest)
    context = {"community": shown.community, "tab": "proposals", "shown": shown, "ballot": shown.ballot}
    return render(request, "pages/receipt.html", context)


def download(request: HttpRequest, digest: str) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Return the receipt as a file: the ballot's record, and the proof that it was counted."""
    response = JsonResponse(_document(selectors.receipt(digest)), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="receipt-{digest[:12]}.json"'
    return response


def _document(shown: selectors.Receipt) -> dict[str, Any]:
    inclusion = None
    if shown.index is not None:
        inclusion = {
            "tree": "RFC 6962, SHA-256, leaves are canonical ballot records in the order of the voters' addresses",
            "index": shown.index,
            "size": shown.size,
            "proof": list(shown.proof),
            "root": shown.root,
            "tally_record": shown.proposal.tally_record_id,
        }
    return {
        "version": 1,
        "digest": shown.ballot.record_id,
        "ballot": shown.ballot.record.value.to_dict(),
        "proposal": shown.proposal.public_id,
        "counting": shown.counting,
        "inclusion": inclusion,
    }
