// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title The votes token of a community
/// @notice Minted once, at construction, to a fixed list of holders. There is no owner, no later mint, no pause and no
/// upgrade: nobody can change who held what at a past block, which is all that the voting power of a ballot depends on.
/// @dev The clock is the block number (the default of Votes), because a snapshot is kept as block number and block hash.
/// Holders have no voting power until they delegate, to themselves or to somebody else.
contract CommonsToken is ERC20, ERC20Permit, ERC20Votes {
    /// @notice `holders` and `amounts` must name each holder's amount, one for one.
    error HoldersAndAmountsDiffer(uint256 holders, uint256 amounts);

    /// @notice A token that nobody holds could never decide anything.
    error NoHolders();

    /// @param name_ readable name, also the name of the permit's signing domain
    /// @param symbol_ ticker
    /// @param holders who receives tokens
    /// @param amounts how many base units each of them receives
    constructor(string memory name_, string memory symbol_, address[] memory holders, uint256[] memory amounts)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        if (holders.length == 0) revert NoHolders();
        if (holders.length != amounts.length) revert HoldersAndAmountsDiffer(holders.length, amounts.length);
        for (uint256 i = 0; i < holders.length; ++i) {
            _mint(holders[i], amounts[i]);
        }
    }

    /// @inheritdoc ERC20Permit
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /// @dev Moves voting power with the tokens.
    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
