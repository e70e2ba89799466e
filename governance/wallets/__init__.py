"""Signatures of contract wallets: who stands by a signature when no key alone can show it.

`asking` ♥ holds the question to a node, its answer and what a ballot's record keeps of it; `checking` asks; `safes` ♥
knows the messages of wallets with several owners; `pending` keeps ballots that wait for them; `again` is the verifiers'
second look. A plain signature of a key never comes here: it needs no chain, and costs what it always did.

Why the key comes first, even where an account runs a contract's code (EIP-7702): whoever holds the key can change or
end that delegation at any moment, so the key has not given up control, and what it signs is the account's word. For a
contract without a key no signature can recover to its address. So no chain has to be asked about a signature that does
recover, and voters with keys can vote while every node is silent.

Standards: ERC-1271 (isValidSignature), ERC-6492 (wallets that are not deployed yet), EIP-7702.
"""
