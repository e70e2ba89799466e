"""E-mail addresses in the one form that is kept and compared: lower case, the domain as DNS has it (IDNA, RFC 5891).

Mail servers may tell letters before the @ apart by case (RFC 5321, section 2.4); none that people use does, and one
person must not become two. Dots and +tags are left alone: only the server knows what they mean.
"""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from governance.errors import Invalid

LENGTH_MAX = 254
_LOCAL_LENGTH_MAX = 64
_usable = EmailValidator(allowlist=[])


def normal(text: str) -> str:
    """Return the kept form of an address; raise Invalid, in words, for what no letter can be sent to."""
    written = unicodedata.normalize("NFC", text.strip())
    local, at, domain = written.rpartition("@")
    if not at or any(unicodedata.category(sign).startswith(("C", "Z")) for sign in written) or '"' in local:
        raise _refused("malformed_email", "this is no e-mail address")
    if not local.isascii():
        raise _refused("email_not_ascii", "before the @ only a to z, digits and signs are understood everywhere")
    try:
        host = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise _refused("malformed_email", "what stands behind the @ is no name of a domain") from error
    address = f"{local.lower()}@{host}"
    if len(address) > LENGTH_MAX or len(local) > _LOCAL_LENGTH_MAX:
        raise _refused("malformed_email", "this is longer than an e-mail address can be")
    try:
        _usable(address)
    except ValidationError as error:
        raise _refused("malformed_email", "this is no e-mail address") from error
    return address


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, field="email")
