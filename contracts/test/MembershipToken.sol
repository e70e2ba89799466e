// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Votes} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Votes.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Membership tokens that vote, which tests read voting power from
/// @notice For tests only, never deployed by the site. Every rule is the library's; the numbers of the tokens begin at 1.
contract MembershipToken is ERC721, ERC721Votes {
    /// @param name_ readable name, also the name of the signing domain
    /// @param symbol_ ticker
    /// @param holders who receives tokens
    /// @param amounts how many tokens each of them receives
    constructor(string memory name_, string memory symbol_, address[] memory holders, uint256[] memory amounts)
        ERC721(name_, symbol_)
        EIP712(name_, "1")
    {
        uint256 number = 0;
        for (uint256 i = 0; i < holders.length; ++i) {
            for (uint256 j = 0; j < amounts[i]; ++j) {
                _mint(holders[i], ++number);
            }
        }
    }

    function _update(address to, uint256 tokenId, address auth)
        internal
        override(ERC721, ERC721Votes)
        returns (address)
    {
        return super._update(to, tokenId, auth);
    }

    function _increaseBalance(address account, uint128 value) internal override(ERC721, ERC721Votes) {
        super._increaseBalance(account, value);
    }
}
