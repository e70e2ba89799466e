"""The demo wallet's server side: passes a few wallet calls on to the local chain, whose accounts are unlocked.

It holds no key. It exists only in the demo (`config/urls.py` leaves it out otherwise, and the deploy check refuses the
demo); it signs for any visitor, which is what a demo wants and a real community must never have. Of transactions it
sends only delegations of a community's votes token.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from config.demo import chain
from governance.chain.delegations import is_delegation
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.models import Community

SEND = "eth_sendTransaction"
METHODS = frozenset(
    {"eth_requestAccounts", "eth_accounts", "eth_chainId", "personal_sign", "eth_signTypedData_v4", SEND}
)
UNSUPPORTED = 4200  # EIP-1193: the provider does not support the requested method
UNAUTHORIZED = 4100  # EIP-1193: the account or method is not for the asker
BAD_REQUEST = -32600


@require_POST
@csrf_protect
def call(request: HttpRequest) -> JsonResponse:
    """Answer one EIP-1193 request with {"result": …} or {"error": {code, message}}."""
    try:
        body = strict_loads(request.body, max_bytes=settings.API_BODY_BYTES_MAX)
    except CanonicalError as error:
        return _error(BAD_REQUEST, error.detail, 400)
    if not isinstance(body, dict) or not isinstance(body.get("params", []), list):
        return _error(BAD_REQUEST, "an object with method and params is needed", 400)
    method = body.get("method")
    if method not in METHODS:
        return _error(UNSUPPORTED, f"the demo wallet offers {', '.join(sorted(METHODS))}", 400)
    if method == "eth_requestAccounts":
        method = "eth_accounts"
    parameters = body.get("params", [])
    if method == SEND:
        parameters = _delegation_alone(parameters)
        if not parameters:
            return _error(UNAUTHORIZED, "the demo wallet sends delegations of a community's votes token only", 403)
    try:
        result = chain.rpc(settings.CHAIN_RPC, str(method), parameters)
        if method == SEND:
            # Nobody else makes blocks here: without them the delegation would be in no snapshot, ever.
            chain.finalize(settings.CHAIN_RPC)
        return JsonResponse({"result": result})
    except chain.DemoChainError as error:
        return _error(BAD_REQUEST, str(error), 502)


def _delegation_alone(parameters: list[Any]) -> list[dict[str, str]]:
    """Return the transaction with nothing but its delegation, or nothing if it is no delegation."""
    match parameters:
        case [{"from": str(sender), "to": str(to), "data": data}] if is_delegation(data):
            known = Community.objects.filter(token__iexact=to).exists()
            return [{"from": sender, "to": to, "data": data}] if known else []
    return []


def _error(code: int, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
