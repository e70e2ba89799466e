"""The token of an unsubscribe link: who, and what. Signed with the site's key, good as long as the key is.

It needs no session and no password, as RFC 8058 asks for: whoever has the letter can end its like, and nothing else.
"""

from django.core.signing import BadSignature, Signer

from governance.errors import NotFound
from governance.models.readers import Reader

TOKEN_MAX = 200
_SALT = "governance.notifications.unsubscribe"


def token_for(reader: Reader, scope: str) -> str:
    """Return the token with which the letters of this scope can be ended."""
    return Signer(salt=_SALT).sign(f"{reader.pk}.{scope}")


def read(token: str) -> tuple[Reader, str]:
    """Return whose letters a token ends, and which. Raises NotFound for a forged one, and for a reader who left."""
    try:
        number, _, scope = Signer(salt=_SALT).unsign(token[:TOKEN_MAX]).partition(".")
        return Reader.objects.get(pk=int(number)), scope
    except (BadSignature, ValueError, Reader.DoesNotExist) as error:
        raise NotFound("unknown_unsubscribe_token", "this link ends no letters; take the one in the letter") from error
