"""The messages that wallets sign, field by field (EIP-712)."""

from typing import Final

# One message per entry, fields in the order in which they are hashed. Adding a message is adding a line here.
SCHEMAS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "EIP712Domain": (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ),
    "Ballot": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("voter", "address"),
        ("choice", "uint8"),
        ("reason", "string"),
        ("nonce", "uint64"),
    ),
    # Lists and maps are signed as canonical JSON text: hardware wallets show flat messages only.
    "ChoicesBallot": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("voter", "address"),
        ("choices", "string"),
        ("reason", "string"),
        ("nonce", "uint64"),
    ),
    # What voters sign where ballots are sealed: `sealed` is the SHA-256 of the sealed ballot.
    "SealedBallot": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("voter", "address"),
        ("sealed", "bytes32"),
        ("nonce", "uint64"),
    ),
    # A keyholder's public key for one proposal.
    "SealingKey": (
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("keyholder", "address"),
        ("key", "bytes32"),
    ),
    # Never sent to anybody: the keyholder's secret for one proposal is derived from this signature.
    "SealingSecret": (
        ("warning", "string"),
        ("instance", "string"),
        ("community", "string"),
        ("proposal", "bytes32"),
        ("keyholder", "address"),
    ),
    "VoteDelegation": (
        ("instance", "string"),
        ("community", "string"),
        ("delegator", "address"),
        ("delegate", "address"),
        ("topic", "string"),
        ("share", "uint16"),
        ("expires", "uint64"),
        ("nonce", "uint64"),
    ),
    "Sponsorship": (
        ("instance", "string"),
        ("community", "string"),
        ("draft", "bytes32"),
        ("sponsor", "address"),
    ),
    # What a reviewer found who was asked by a rule to look at a model before its release: `rule` is the record of the
    # rule, `candidate` the model's files, `report` what was measured, `drawn` the samples that were to be read.
    "Review": (
        ("instance", "string"),
        ("community", "string"),
        ("rule", "bytes32"),
        ("candidate", "bytes32"),
        ("report", "bytes32"),
        ("drawn", "bytes32"),
        ("reviewer", "address"),
        ("finding", "string"),
        ("reason", "string"),
        ("at", "uint64"),
    ),
    # Not ours: what a votes token (OpenZeppelin's Votes) takes in `delegateBySig`, in the token's own domain.
    "Delegation": (
        ("delegatee", "address"),
        ("nonce", "uint256"),
        ("expiry", "uint256"),
    ),
}
