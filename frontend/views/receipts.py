"""Answers: what did I sign, was it seen, and was it counted."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from frontend import qr
from governance import selectors
from governance.power import DECIMALS


def detail(request: HttpRequest, digest: str) -> HttpResponse:
    """Show the receipt of a ballot."""
    shown = selectors.receipt(digest)
    address = f"{settings.ORIGIN}{reverse('site:receipt', args=[digest])}"
    snapshot = shown.proposal.record.body["snapshot"] if shown.proposal.record else {}
    context = {
        "community": shown.community,
        "tab": "proposals",
        "shown": shown,
        "ballot": shown.ballot,
        "method": shown.proposal.method,
        "decimals": DECIMALS.get(snapshot["source"]["name"], 0) if snapshot else 0,
        "address": address,
        "qr": qr.svg(address, gettext("The address of this receipt as a QR code")),
    }
    return render(request, "pages/receipt.html", context)


def download(request: HttpRequest, digest: str) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Return the receipt as a file: complete, to be checked without this site."""
    document = selectors.receipt_document(selectors.receipt(digest))
    response = JsonResponse(document, json_dumps_params={"indent": 2})
    response["Content-Disposition"] = f'attachment; filename="receipt-{digest[:12]}.json"'
    return response
