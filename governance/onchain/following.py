"""Follows the Governors of all communities: what the sweeper calls, and how a Governor is found by a charter."""

import logging
from datetime import datetime

from django.db import OperationalError, transaction

from governance.chain import ChainError, ChainReader
from governance.chain.factory import chain_for
from governance.eip712 import checksum_address
from governance.models import Community, Contract, ContractMark
from governance.onchain import indexer, is_by_contract, taking
from governance.power import PowerError
from governance.power.governor_votes import pair_of, require_pair
from governance.services.common import charter_of

logger = logging.getLogger(__name__)


def sweep(now: datetime) -> int:
    """Read on and take what is due in every community that governs by contract; return how many events were taken.

    A Governor that the charter no longer names is followed on: what was proposed there is decided there.
    """
    taken = 0
    for contract_id in list(Contract.objects.filter(halted="").values_list("pk", flat=True)):
        try:
            taken += follow(contract_id, now)
        except (ChainError, PowerError) as error:
            logger.warning("contract %s waits for the chain: %s", contract_id, error)
        except OperationalError:
            logger.warning("contract %s: the database is busy; next sweep", contract_id)
    return taken


def follow(contract_id: int, now: datetime) -> int:
    """Read one Governor to the newest final block, and take what is due."""
    contract = Contract.objects.select_related("community").get(pk=contract_id)
    chain = chain_for(contract.community.chain_id)
    indexer.read_on(contract_id, chain, now)
    return taking.take_due(contract_id, chain, now)


def contract_of(community: Community) -> Contract | None:
    """Return the Governor that the charter names, if somebody has begun to use it."""
    charter = charter_of(community)
    if not is_by_contract(charter):
        return None
    pair = pair_of(charter.power["parameters"])
    return community.contracts.filter(governor=pair["governor"], anchor=pair["anchor"]).first()


def require_contract(community: Community, chain: ChainReader) -> Contract:
    """Return the Governor that the charter names; the first who asks makes reading begin at the newest final block.

    No proposal of this site is older: each is offered here before anybody can send it.
    """
    found = contract_of(community)
    if found is not None:
        return found
    pair = pair_of(charter_of(community).power["parameters"])
    require_pair(chain, pair)
    block = chain.finalized_block()
    ((timelock,),) = chain.read_newest(pair["governor"], [("timelock", [])])
    with transaction.atomic():
        contract, new = Contract.objects.get_or_create(
            community=community,
            governor=pair["governor"],
            anchor=pair["anchor"],
            defaults={
                "timelock": checksum_address(timelock),
                "first_block": block.number,
                "block_number": block.number,
                "block_hash": block.hash,
                "block_time": block.timestamp,
            },
        )
        if new:
            ContractMark.objects.create(contract=contract, number=block.number, hash=block.hash, time=block.timestamp)
    return contract
