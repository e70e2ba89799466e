// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingFractional} from
    "@openzeppelin/contracts/governance/extensions/GovernorCountingFractional.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorProposalGuardian} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {GovernorSuperQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorSuperQuorum.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {GovernorVotesSuperQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesSuperQuorumFraction.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";

/// @title The Governor whose extensions tests compare our counting with
/// @notice For tests only, never deployed by the site. Every rule is the library's; what stands here chooses parameters
/// and names which parent answers where two of them could. It executes what has succeeded without a timelock, and only
/// it may change its own numbers; tests speak in its name.
/// @dev Quorum and super-quorum are shares in basis points, so that they are the same numbers as our `quorum_bps` and
/// `super_quorum_bps`.
contract PeerExtensions is
    GovernorCountingFractional,
    GovernorVotesSuperQuorumFraction,
    GovernorPreventLateQuorum,
    GovernorProposalGuardian
{
    // The constructor of GovernorPreventLateQuorum compares with the period before an immutable would be set.
    uint256 private constant _DELAY = 2;
    uint256 private constant _PERIOD = 12;

    /// @param token_ whose past votes count, and whose clock times the vote
    /// @param guardian who may cancel any proposal that is not executed
    constructor(IVotes token_, address guardian)
        Governor("PeerExtensions")
        GovernorVotes(token_)
        GovernorVotesQuorumFraction(1000)
        GovernorVotesSuperQuorumFraction(10_000)
        GovernorPreventLateQuorum(0)
    {
        _setProposalGuardian(guardian);
    }

    /// @notice Everything about one proposal at one moment, read in one call.
    function look(uint256 proposalId)
        external
        view
        returns (
            uint48 moment,
            ProposalState proposalState,
            uint256 deadline,
            uint256 againstVotes,
            uint256 forVotes,
            uint256 abstainVotes
        )
    {
        (againstVotes, forVotes, abstainVotes) = proposalVotes(proposalId);
        return (clock(), state(proposalId), proposalDeadline(proposalId), againstVotes, forVotes, abstainVotes);
    }

    /// @inheritdoc Governor
    function votingDelay() public pure override returns (uint256) {
        return _DELAY;
    }

    /// @inheritdoc Governor
    function votingPeriod() public pure override returns (uint256) {
        return _PERIOD;
    }

    /// @inheritdoc GovernorVotesQuorumFraction
    function quorumDenominator() public pure override returns (uint256) {
        return 10_000;
    }

    /// @inheritdoc GovernorPreventLateQuorum
    function proposalDeadline(uint256 proposalId)
        public
        view
        override(Governor, GovernorPreventLateQuorum)
        returns (uint256)
    {
        return super.proposalDeadline(proposalId);
    }

    /// @inheritdoc GovernorCountingFractional
    function proposalVotes(uint256 proposalId)
        public
        view
        override(GovernorCountingFractional, GovernorSuperQuorum)
        returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes)
    {
        return super.proposalVotes(proposalId);
    }

    /// @inheritdoc GovernorVotesSuperQuorumFraction
    function state(uint256 proposalId)
        public
        view
        override(Governor, GovernorVotesSuperQuorumFraction)
        returns (ProposalState)
    {
        return super.state(proposalId);
    }

    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(proposalId);
    }

    function _validateCancel(uint256 proposalId, address caller)
        internal
        view
        override(Governor, GovernorProposalGuardian)
        returns (bool)
    {
        return super._validateCancel(proposalId, caller);
    }
}
