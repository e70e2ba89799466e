"""Names of accounts, over JSON: what a resolver told, as pages show it."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, names
from governance.eip712 import parse_address
from governance.serializers.names import AccountNameOutput
from governance.views.base import REFUSED


class AccountName(APIView):
    """What an account is called elsewhere."""

    @extend_schema(responses={200: AccountNameOutput, **REFUSED}, operation_id="account_name")
    def get(self, request: Request, address: str) -> Response:
        """Return what was told of an account. Nobody is asked for it now, and nothing that counts looks at it."""
        name, told_at = names.told_of(parse_address(address), clock.now())
        return Response(AccountNameOutput({"address": parse_address(address), "name": name, "told_at": told_at}).data)
