// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";
import {Time} from "@openzeppelin/contracts/utils/types/Time.sol";

import {CommonsToken} from "./CommonsToken.sol";

/// @title The votes token of a community that governs by contract
/// @notice The same token with another clock: voting power is kept by the second of a block, not by its number, so that
/// a Governor on this token opens and closes votes at times that can be said beforehand (ERC-6372).
contract TimedToken is CommonsToken {
    /// @param name_ readable name, also the name of the permit's signing domain
    /// @param symbol_ ticker
    /// @param holders who receives tokens
    /// @param amounts how many base units each of them receives
    constructor(string memory name_, string memory symbol_, address[] memory holders, uint256[] memory amounts)
        CommonsToken(name_, symbol_, holders, amounts)
    {}

    /// @inheritdoc Votes
    function clock() public view override returns (uint48) {
        return Time.timestamp();
    }

    /// @inheritdoc Votes
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }
}
