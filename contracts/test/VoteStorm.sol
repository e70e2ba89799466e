// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Many events at once, for measuring how fast they are read. It decides nothing.
contract VoteStorm {
    event VoteCast(address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason);

    constructor() {}

    /// @notice Say `count` votes on a proposal, by voters counted from `first` on.
    function storm(uint256 proposalId, uint256 first, uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            emit VoteCast(address(uint160(first + i + 1)), proposalId, uint8(i % 3), 1000 + i, "because");
        }
    }
}
