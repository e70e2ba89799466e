// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A registry of names and its one resolver, as far as EIP-137, EIP-181 and EIP-634 ask. Anybody may write anything: tests
/// lie with it, too.
contract NameService {
    mapping(bytes32 node => address) public resolver;
    mapping(bytes32 node => address) public addr;
    mapping(bytes32 node => string) public name;
    mapping(bytes32 node => mapping(string key => string)) private texts;

    constructor() {}

    function text(bytes32 node, string calldata key) external view returns (string memory) {
        return texts[node][key];
    }

    function setResolver(bytes32 node, address value) external {
        resolver[node] = value;
    }

    function setName(bytes32 node, string calldata value) external {
        resolver[node] = address(this);
        name[node] = value;
    }

    function setHolder(bytes32 node, address holder, string calldata avatar) external {
        resolver[node] = address(this);
        addr[node] = holder;
        texts[node]["avatar"] = avatar;
    }
}
