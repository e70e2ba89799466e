// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// For tests: a wallet of one key, and in other modes one that answers as no wallet should.
contract OddWallet {
    enum Mode {
        Honest,
        SaysTrue,
        AllOnes,
        Reverts,
        TenMegabytes,
        BurnsGas,
        LongAnswer,
        ShortAnswer
    }

    address public immutable owner;
    Mode public immutable mode;

    constructor(address owner_, Mode mode_) {
        owner = owner_;
        mode = mode_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (mode == Mode.Reverts) revert("no");
        if (mode == Mode.BurnsGas) while (true) {}
        uint256 word = uint256(0x1626ba7e) << 224;
        uint256 length = 32;
        if (mode == Mode.SaysTrue) word = 1;
        if (mode == Mode.AllOnes) word = type(uint256).max;
        if (mode == Mode.TenMegabytes) length = 10_000_000;
        if (mode == Mode.LongAnswer) length = 64;
        if (mode == Mode.ShortAnswer) length = 4;
        if (mode == Mode.Honest && _signer(digest, signature) != owner) return 0xffffffff;
        assembly {
            let free := mload(0x40)
            mstore(free, word)
            return(free, length)
        }
    }

    function _signer(bytes32 digest, bytes calldata signature) private pure returns (address) {
        if (signature.length != 65) return address(0);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }
}

contract WalletFactory {
    function make(address owner, OddWallet.Mode mode, bytes32 salt) external returns (address) {
        return address(new OddWallet{salt: salt}(owner, mode));
    }

    function addressOf(address owner, OddWallet.Mode mode, bytes32 salt) external view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(OddWallet).creationCode, abi.encode(owner, mode)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, code)))));
    }
}
