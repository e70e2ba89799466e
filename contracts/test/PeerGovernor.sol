// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {GovernorCountingSimple} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {GovernorTimelockControl} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

/// @title The Governor that tests compare our proposal states with
/// @notice For tests only, never deployed by the site. Every rule is the library's; what stands here chooses parameters
/// and names which parent answers where two of them could.
/// @dev The quorum is a share in basis points, so that it is the same number as our `quorum_bps`.
contract PeerGovernor is GovernorCountingSimple, GovernorVotes, GovernorVotesQuorumFraction, GovernorTimelockControl {
    uint256 private immutable _votingDelay;
    uint256 private immutable _votingPeriod;

    /// @param token_ whose past votes count
    /// @param quorumBps share of the supply that for and abstain must reach, in basis points
    /// @param votingDelay_ blocks between a proposal and its snapshot
    /// @param votingPeriod_ blocks from the snapshot to the deadline
    /// @param timelockSeconds how long a queued proposal waits
    /// @param guardian who may cancel on the timelock; anybody may execute there
    constructor(
        IVotes token_,
        uint256 quorumBps,
        uint256 votingDelay_,
        uint256 votingPeriod_,
        uint256 timelockSeconds,
        address guardian
    )
        Governor("PeerGovernor")
        GovernorVotes(token_)
        GovernorVotesQuorumFraction(quorumBps)
        GovernorTimelockControl(_newTimelock(timelockSeconds, guardian))
    {
        _votingDelay = votingDelay_;
        _votingPeriod = votingPeriod_;
    }

    /// @inheritdoc Governor
    function votingDelay() public view override returns (uint256) {
        return _votingDelay;
    }

    /// @inheritdoc Governor
    function votingPeriod() public view override returns (uint256) {
        return _votingPeriod;
    }

    /// @inheritdoc GovernorVotesQuorumFraction
    function quorumDenominator() public pure override returns (uint256) {
        return 10_000;
    }

    /// @inheritdoc GovernorTimelockControl
    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    /// @inheritdoc GovernorTimelockControl
    function proposalNeedsQueuing(uint256 proposalId)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(proposalId);
    }

    function _queueOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 proposalId,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(proposalId, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }

    /// @dev The governor and the guardian may propose to the timelock and cancel there; nobody administers it.
    function _newTimelock(uint256 delay, address guardian) private returns (TimelockController) {
        address[] memory proposers = new address[](2);
        proposers[0] = address(this);
        proposers[1] = guardian;
        return new TimelockController(delay, proposers, new address[](1), address(0));
    }
}
