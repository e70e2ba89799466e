// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Asks a contract wallet whether it stands by a signature (ERC-1271). Never deployed: a node runs it in `eth_call` as if
/// it were being deployed, and the code that it would leave behind is the answer, two words: the verdict and the kind.
///
/// It always answers, whatever the wallet does: gas is bounded, and nothing that a wallet returns is copied beyond one
/// word. So an error of the node is the node's and not the wallet's. A wallet that does not exist yet is made first, in
/// the same simulation, by the call that its signature carries (ERC-6492). The bytes stand in
/// `governance/wallets/creation_code.py`; a test compares.
contract WalletCheck {
    uint256 private constant VALID = 1;
    uint256 private constant NO_CODE = 2;
    uint256 private constant NOT_MADE = 3;
    uint256 private constant CALL_FAILED = 4;
    uint256 private constant ANOTHER_ANSWER = 5;

    uint256 private constant CONTRACT = 1;
    uint256 private constant DELEGATED = 2; // a key's account that runs a contract's code (EIP-7702)
    uint256 private constant UNDEPLOYED = 3;

    uint256 private constant GAS = 3_000_000; // for making the wallet, and for asking it
    uint256 private constant DESIGNATOR_BYTES = 23;

    constructor(address wallet, bytes32 digest, bytes memory signature, address factory, bytes memory making) {
        uint256 kind = _kindOf(wallet);
        if (kind == 0 && factory != address(0)) {
            bool made;
            assembly ("memory-safe") {
                made := call(GAS, factory, 0, add(making, 32), mload(making), 0, 0)
            }
            if (!made || wallet.code.length == 0) _answer(NOT_MADE, 0);
            kind = UNDEPLOYED;
        }
        if (kind == 0) _answer(NO_CODE, 0);
        bytes memory question = abi.encodeWithSelector(0x1626ba7e, digest, signature);
        bool called;
        bool stands;
        assembly ("memory-safe") {
            mstore(0, 0)
            called := staticcall(GAS, wallet, add(question, 32), mload(question), 0, 32)
            // Exactly the one word that the standard names: `true`, all ones or a longer answer are none of it.
            stands := and(eq(returndatasize(), 32), eq(mload(0), shl(224, 0x1626ba7e)))
        }
        if (!called) _answer(CALL_FAILED, kind);
        _answer(stands ? VALID : ANOTHER_ANSWER, kind);
    }

    function _kindOf(address wallet) private view returns (uint256) {
        uint256 length = wallet.code.length;
        if (length == 0) return 0;
        if (length != DESIGNATOR_BYTES) return CONTRACT;
        bytes memory code = wallet.code;
        return bytes3(code) == 0xef0100 ? DELEGATED : CONTRACT;
    }

    function _answer(uint256 verdict, uint256 kind) private pure {
        assembly ("memory-safe") {
            mstore(0, verdict)
            mstore(32, kind)
            return(0, 64)
        }
    }
}
