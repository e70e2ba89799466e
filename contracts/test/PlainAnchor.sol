// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title The least that writes digests down once each, which the gas of CommonsAnchor is compared with
/// @notice For measurements only, never deployed by the site: one owner, who approves and posts.
contract PlainAnchor is Ownable {
    mapping(bytes32 specDigest => uint256 second) public approvedAt;
    mapping(bytes32 kind => mapping(bytes32 digest => uint256 second)) public postedAt;

    event RunApproved(bytes32 indexed specDigest);
    event Posted(bytes32 indexed kind, bytes32 digest);

    constructor(address owner_) Ownable(owner_) {}

    function approveRun(bytes32 specDigest) external onlyOwner {
        require(approvedAt[specDigest] == 0);
        approvedAt[specDigest] = block.timestamp;
        emit RunApproved(specDigest);
    }

    function post(bytes32 kind, bytes32 digest) external onlyOwner {
        require(postedAt[kind][digest] == 0);
        postedAt[kind][digest] = block.timestamp;
        emit Posted(kind, digest);
    }
}
