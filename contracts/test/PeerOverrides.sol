// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {GovernorCountingOverridable} from
    "@openzeppelin/contracts/governance/extensions/GovernorCountingOverridable.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {GovernorVotesQuorumFraction} from
    "@openzeppelin/contracts/governance/extensions/GovernorVotesQuorumFraction.sol";
import {VotesExtended} from "@openzeppelin/contracts/governance/utils/VotesExtended.sol";

/// @title The Governor in which a holder's own vote overrides the vote of the delegate
/// @notice For tests only, never deployed by the site. Every rule is the library's; what stands here chooses parameters
/// and names which parent answers where two of them could. Only it may change its own numbers; tests speak in its name.
contract PeerOverrides is GovernorCountingOverridable, GovernorVotesQuorumFraction, GovernorPreventLateQuorum {
    // The constructor of GovernorPreventLateQuorum compares with the period before an immutable would be set.
    uint256 private constant _DELAY = 2;
    uint256 private constant _PERIOD = 12;

    /// @param token_ whose past votes, holdings and delegates count, and whose clock times the vote
    constructor(VotesExtended token_)
        Governor("PeerOverrides")
        GovernorVotes(token_)
        GovernorVotesQuorumFraction(1000)
        GovernorPreventLateQuorum(0)
    {}

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

    function _tallyUpdated(uint256 proposalId) internal override(Governor, GovernorPreventLateQuorum) {
        super._tallyUpdated(proposalId);
    }
}
