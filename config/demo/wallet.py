"""The demo wallet's server side: passes a few wallet calls on to the local chain, whose accounts are unlocked.

It holds no key. It exists only in the demo (`config/urls.py` leaves it out otherwise, and the deploy check refuses the
demo); it signs for any visitor, which is what a demo wants and a real community must never have. Of transactions it
sends only delegations of a community's votes token, and what members send to a Governor that a community governs by.
"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from config.demo import chain
from governance.chain.delegations import is_delegation
from governance.eip712.keccak import keccak
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.models import Community, Contract

SEND = "eth_sendTransaction"
METHODS = frozenset(
    {
        *("eth_requestAccounts", "eth_accounts", "eth_chainId", "personal_sign", "eth_signTypedData_v4"),
        *(SEND, "eth_getTransactionReceipt"),
    }
)
# What members send to a Governor, by the first four bytes of Keccak-256 of each signature.
GOVERNING = frozenset(
    f"0x{keccak(signature.encode())[:4].hex()}"
    for signature in (
        "propose(address[],uint256[],bytes[],string)",
        "castVote(uint256,uint8)",
        "castVoteWithReason(uint256,uint8,string)",
        "castVoteBySig(uint256,uint8,address,bytes)",
        "castVoteWithReasonAndParamsBySig(uint256,uint8,address,string,bytes,bytes)",
        "queue(address[],uint256[],bytes[],bytes32)",
        "execute(address[],uint256[],bytes[],bytes32)",
        "cancel(address[],uint256[],bytes[],bytes32)",
    )
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
        parameters = _of_members_alone(parameters)
        if not parameters:
            return _error(UNAUTHORIZED, "the demo wallet sends delegations and calls of Governors only", 403)
    try:
        result = chain.rpc(settings.CHAIN_RPC, str(method), parameters)
        if method == SEND:
            # Nobody makes blocks at once here: without them it would take a while to become final.
            chain.finalize(settings.CHAIN_RPC)
        return JsonResponse({"result": result})
    except chain.DemoChainError as error:
        return _error(BAD_REQUEST, str(error), 502)


def _of_members_alone(parameters: list[Any]) -> list[dict[str, str]]:
    """Return the transaction with nothing but its call, or nothing if members have no business sending it."""
    match parameters:
        case [{"from": str(sender), "to": str(to), "data": str(data)}] if _is_known(to, data):
            return [{"from": sender, "to": to, "data": data}]
    return []


def _is_known(to: str, data: str) -> bool:
    if is_delegation(data):
        return Community.objects.filter(token__iexact=to).exists()
    return data[:10] in GOVERNING and Contract.objects.filter(governor__iexact=to).exists()


def _error(code: int, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
