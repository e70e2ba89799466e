"""What wallets sign, and who signed it: EIP-712 messages, EIP-191 texts, EIP-55 addresses, secp256k1 recovery.

Pure: no Django, no network, no clock but in the check at start-up. Holds no voting rule; whether a choice exists or a
vote is open is decided elsewhere. The encoder is our own and fixed, and every field, address and signature has one
accepted spelling, so that two texts never mean one ballot.

Not covered: signatures of contract wallets, for which `governance.wallets` asks the chain. Standards: EIP-712,
EIP-191, EIP-55, EIP-2 (low s), WebAuthn (passkeys).
"""

from governance.eip712.addresses import checksum_address, parse_address
from governance.eip712.backend import assert_fast_backend
from governance.eip712.encoding import DOMAIN_NAME, DOMAIN_VERSION, SAFE_INTEGER_MAX, domain_separator, type_text
from governance.eip712.errors import AddressError, BackendError, Eip712Error, FieldError, SignatureError
from governance.eip712.messages import (
    Choice,
    ballot_digest,
    ballot_message,
    delegation_digest,
    delegation_message,
    review_digest,
    review_message,
    sealed_ballot_digest,
    sealed_ballot_message,
    sealing_key_digest,
    sealing_key_message,
    sealing_secret_message,
    sponsorship_digest,
    sponsorship_message,
    token_delegation_digest,
    token_delegation_message,
)
from governance.eip712.passkeys import address_of_point
from governance.eip712.schemas import SCHEMAS
from governance.eip712.signatures import (
    ORDER,
    parse_signature,
    personal_message_digest,
    recover,
    recover_bytes,
    signer_bytes,
    verify,
    verify_key,
)

__all__ = [
    "DOMAIN_NAME",
    "DOMAIN_VERSION",
    "ORDER",
    "SAFE_INTEGER_MAX",
    "SCHEMAS",
    "AddressError",
    "BackendError",
    "Choice",
    "Eip712Error",
    "FieldError",
    "SignatureError",
    "address_of_point",
    "assert_fast_backend",
    "ballot_digest",
    "ballot_message",
    "checksum_address",
    "delegation_digest",
    "delegation_message",
    "domain_separator",
    "parse_address",
    "parse_signature",
    "personal_message_digest",
    "recover",
    "recover_bytes",
    "review_digest",
    "review_message",
    "sealed_ballot_digest",
    "sealed_ballot_message",
    "sealing_key_digest",
    "sealing_key_message",
    "sealing_secret_message",
    "signer_bytes",
    "sponsorship_digest",
    "sponsorship_message",
    "token_delegation_digest",
    "token_delegation_message",
    "type_text",
    "verify",
    "verify_key",
]
