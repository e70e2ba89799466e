"""A community that governs by contract on a local chain: token, Governor, anchor, and members who send transactions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.demo import chain as demo
from governance import services
from governance.chain.client import ChainClient
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Community, Contract, Member, Proposal
from governance.onchain import following, offering
from governance.onchain.approvals import Approval
from governance.onchain.numbers import Numbers
from tests.vectors.governor_chain import Contract as Deployed
from tests.vectors.governor_chain import accounts_of, deploy_contract

NAMES = ("Alice", "Bob", "Chloé", "Daouda")
POWERS = (400, 300, 200, 100)
NUMBERS = Numbers(10, 100, 20, 50 * demo.UNIT, 2_000, 30)
FINAL = 3  # blocks until the newest one is final


@dataclass
class Chain:
    """The contracts, and who sends."""

    rpc_url: str
    token: Deployed
    governor: Deployed
    anchor: Deployed
    accounts: dict[str, str]

    @property
    def now(self) -> int:
        return int(demo.rpc(self.rpc_url, "eth_getBlockByNumber", ["latest", False])["timestamp"], 16)

    def wait_until(self, second: int) -> None:
        """Make a block at this second."""
        demo.rpc(self.rpc_url, "evm_setNextBlockTimestamp", [second])
        demo.rpc(self.rpc_url, "evm_mine")

    def finalize(self) -> None:
        demo.rpc(self.rpc_url, "anvil_mine", [hex(FINAL), hex(1)])

    def send(self, sender: str, transaction: dict[str, str]) -> dict[str, Any]:
        """Send as a wallet does, and return the receipt."""
        return demo.send_transaction(self.rpc_url, {"from": self.accounts[sender], **transaction})


def deploy(rpc_url: str, numbers: Numbers = NUMBERS, token_contract: str = "TimedToken") -> Chain:
    accounts = dict(zip((*NAMES, "deployer"), accounts_of(rpc_url), strict=False))
    by = accounts["deployer"]
    holders, amounts = [accounts[name] for name in NAMES], [power * demo.UNIT for power in POWERS]
    token = deploy_contract(rpc_url, token_contract, by, "Timed", "TIME", holders, amounts)
    rules = (
        numbers.voting_delay,
        numbers.voting_period,
        numbers.late_quorum_extension,
        numbers.proposal_threshold,
        numbers.quorum_bps,
        numbers.timelock_delay,
    )
    governor = deploy_contract(rpc_url, "CommunityGovernor", by, "Water", token.address, rules, accounts["Daouda"])
    anchor = deploy_contract(rpc_url, "CommonsAnchor", by, governor.read("timelock"), by)
    for name in NAMES:
        token.send(accounts[name], "delegate", accounts[name])
    demo.rpc(rpc_url, "anvil_mine", [hex(FINAL), hex(1)])
    return Chain(rpc_url, token, governor, anchor, accounts)


def found(chain: Chain, settings: Any, slug: str = "by-contract", **rules: Any) -> Community:
    settings.CHAIN_RPC = chain.rpc_url
    settings.CHAIN_TIMEOUT_SECONDS = 30
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    key = release_key_path(slug)
    key.unlink(missing_ok=True)
    pair = {"governor": chain.governor.address, "anchor": chain.anchor.address, "token": chain.token.address}
    charter = {
        "tiers": {"standard": {**NUMBERS.rules().to_body(), **rules}},
        "kinds": {"default": "standard"},
        "power": {"source": "governor_votes", "parameters": pair},
        "house": None,
        "council": {"pause_seconds_max": 0},
    }
    community = services.found_community(
        services.NewCommunity(
            slug=slug,
            name_en="By contract",
            name_fr="Par contrat",
            chain_id=demo.CHAIN_ID,
            token=chain.token.address,
            release_key=generate_key(key),
            charter=charter,
        ),
        moment(chain.now),
    )
    for name in NAMES:
        Member.objects.create(community=community, address=chain.accounts[name], name=name)
    return community


@dataclass
class OnBothSides:
    """One proposal, here and on the chain."""

    chain: Chain
    community: Community
    pk: int

    @property
    def here(self) -> Proposal:
        return Proposal.objects.select_related("record", "community__charter").get(pk=self.pk)

    @property
    def approval(self) -> Approval:
        return offering.approval_of(offering.offer_of(self.here))

    def state_there(self) -> int:
        return int(self.chain.governor.read("state", self.approval.id))

    def follow(self) -> int:
        """Let what was sent become final, and follow it."""
        self.chain.finalize()
        contract = Contract.objects.get(community=self.community)
        return following.follow(contract.pk, moment(self.chain.now))

    def vote(self, name: str, support: int, reason: str = "") -> None:
        here = self.here
        # A wallet's own clock is the chain's here, which steps from block to block.
        self.chain.send(name, offering.vote(here, support, reason, moment(self.chain.now)))


def draft(community: Community, author: str, statement: str = "Open the sluice", **content: Any) -> Proposal:
    values: dict[str, Any] = {"kind": "text_signal", "payload": {"statement": statement}, **content}
    made = services.Draft(values["kind"], values.get("title", statement), "Because.", values["payload"], {}, "")
    return services.create_draft(community, author, made, moment(community.created_at.timestamp()))


def propose(chain: Chain, community: Community, author: str = "Alice", **content: Any) -> OnBothSides:
    """Write a draft, send what is offered for it, and follow the chain."""
    written = draft(community, chain.accounts[author], **content)
    transaction, _ = offering.propose(written.pk, written.author, moment(chain.now))
    chain.send(author, transaction)
    both = OnBothSides(chain, community, written.pk)
    both.follow()
    return both


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def reader(chain: Chain) -> ChainClient:
    return ChainClient(chain.rpc_url, 30, expected_chain_id=demo.CHAIN_ID)


def carried_out(chain: Chain, community: Community, **content: Any) -> OnBothSides:
    """Take a proposal from its draft to its execution, with three votes, and follow the chain."""
    both = propose(chain, community, **content)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    for name, choice in (("Alice", 1), ("Bob", 0), ("Chloé", 2)):
        both.vote(name, choice, f"{name} says so")
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    chain.send("Daouda", offering.queue(both.here, moment(chain.now)))
    both.follow()
    chain.wait_until(int(both.here.eta.timestamp()))
    chain.send("Bob", offering.execute(both.here, moment(chain.now)))
    both.follow()
    return both
