// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @title What a community has said on a chain, once and for good
/// @notice Two kinds of saying, neither of which can be taken back. `approveRun` is the community's decision: only the
/// owner may say it, which for a community that governs by contract is the timelock of its Governor. `post` is a public
/// date for something decided elsewhere: the poster, whom the owner names, writes a digest down, and nobody can claim
/// later that it was made after that block.
/// @dev A posted digest proves that it was known by then, not that it is true; an approved one proves a vote only when
/// the owner is a timelock that nobody else can move.
contract CommonsAnchor is Ownable2Step {
    /// @notice When a run was approved, in seconds since 1970; 0 for one that was not.
    mapping(bytes32 specDigest => uint256 second) public approvedAt;

    /// @notice When a digest was posted under a kind, in seconds since 1970; 0 for one that was not.
    mapping(bytes32 kind => mapping(bytes32 digest => uint256 second)) public postedAt;

    /// @notice Who may post; nobody while it is zero.
    address public poster;

    /// @notice The community approved the run of this digest.
    event RunApproved(bytes32 indexed specDigest);

    /// @notice The poster wrote this digest down.
    event Posted(bytes32 indexed kind, bytes32 digest);

    /// @notice From now on `newPoster` may post, and `oldPoster` no longer.
    event PosterNamed(address indexed oldPoster, address indexed newPoster);

    /// @notice This run was approved before; a second approval would say nothing new.
    error AlreadyApproved(bytes32 specDigest, uint256 second);

    /// @notice This digest was posted under this kind before.
    error AlreadyPosted(bytes32 kind, bytes32 digest, uint256 second);

    /// @notice Only the poster may post.
    error NotPoster(address caller);

    /// @notice Zero is what unset storage and broken callers give; it names nothing.
    error EmptyDigest();

    /// @param owner_ who approves runs and names the poster: the timelock of the community's Governor, or another account
    /// @param poster_ who may post; zero for nobody
    constructor(address owner_, address poster_) Ownable(owner_) {
        _name(poster_);
    }

    /// @notice Approve the run of `specDigest`. Only the owner.
    function approveRun(bytes32 specDigest) external onlyOwner {
        if (specDigest == 0) revert EmptyDigest();
        uint256 before = approvedAt[specDigest];
        if (before != 0) revert AlreadyApproved(specDigest, before);
        approvedAt[specDigest] = block.timestamp;
        emit RunApproved(specDigest);
    }

    /// @notice Write `digest` down under `kind`. Only the poster.
    function post(bytes32 kind, bytes32 digest) external {
        if (msg.sender != poster) revert NotPoster(msg.sender);
        if (digest == 0) revert EmptyDigest();
        uint256 before = postedAt[kind][digest];
        if (before != 0) revert AlreadyPosted(kind, digest, before);
        postedAt[kind][digest] = block.timestamp;
        emit Posted(kind, digest);
    }

    /// @notice Name who may post from now on; zero for nobody. Only the owner.
    function namePoster(address newPoster) external onlyOwner {
        _name(newPoster);
    }

    function _name(address newPoster) private {
        emit PosterNamed(poster, newPoster);
        poster = newPoster;
    }
}
