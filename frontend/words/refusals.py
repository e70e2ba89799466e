"""What a refusal says to a reader, by its code. Any other code is shown with the detail that the refusal carries."""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from frontend import numbers
from frontend.words.base import Text
from frontend.words.consultations import CONSULTATION_REFUSALS
from governance.fields import POWER_DIGITS

REFUSALS: dict[str, Text] = {
    "comment_length": _("A comment has 1 to %(allowed)s characters; this one has %(found)s."),
    "comment_name": _("Say what you are called, in 1 to %(allowed)s characters."),
    "comment_moved_on": _("This cannot be done with the comment as it stands now."),
    "not_your_comment": _("Only whoever wrote a comment may do this."),
    "own_comment": _("This is your own comment. Change it, or erase it."),
    "too_many_comments": _("You have written a lot in a short time. Come back a little later."),
    "too_many_edits": _("This comment was changed often enough. Write another one."),
    "discussion_full": _("This discussion has as many comments as it can hold."),
    "too_many_reports": _("You have reported %(allowed)s comments today. Come back tomorrow."),
    "not_a_moderator": _("Only guardians and stewards of this community may do this."),
    "not_your_hiding": _("Only whoever hid a comment takes that back."),
    "judge_of_own": _("Somebody else answers: you hid this comment, or wrote it."),
    "not_a_judge": _("Another moderator answers an appeal, or where there is none, somebody who holds votes."),
    "hidden_before": _("Its author appealed against your hiding, and it was shown again. It has not changed since."),
    "unknown_moderation_rule": _("The policy has no such rule."),
    "too_many_co_authors": _("A draft has at most %(allowed)s co-authors."),
    "author_already": _("You are the author already."),
    "not_invited": _("Nobody asks you to write this draft."),
    "account_exhausted": _("There is not so much in this account (asked %(found)s, possible %(allowed)s)."),
    "malformed_amount": _("Write the amount in the currency itself, with a point: %(allowed)s."),
    "amount_out_of_range": _("This is no amount that can be booked."),
    "unknown_currency": _("A currency has three capital letters, such as EUR."),
    "unknown_account": _("There is no such account. Names begin with %(allowed)s."),
    "unknown_site": _("There is no such site."),
    "no_settlement_terms": _("No vote has fixed how debts in this currency are paid on chain."),
    "no_payout_address": _("The operator of this site has not said which address is paid on chain."),
    "payout_on_another_chain": _(
        "This address is paid on another chain already, and may be nobody’s on this one. Its operator has to name "
        "the account with which they sign in."
    ),
    "pays_itself": _("The treasury would pay itself. The site has to name another address."),
    "token_is_treasury": _("A token pays nobody. Name the account that holds it."),
    "malformed_rate": _("A rate is a whole number of base units, without a sign (%(allowed)s)."),
    "not_whole_minor_units": _("Only whole cents are paid on chain, such as %(allowed)s."),
    "settlement_terms_changed": _("Another vote has changed the token or the treasury since."),
    "chain_not_read_yet": _("Transfers of this token were not read yet. It is tried again soon."),
    "unknown_settlement": _("No payment was approved by a proposal of this number."),
    "settlement_not_due": _("This payment is not due any more."),
    "address_zero": _("Nobody has this address."),
    "malformed_week": _("A week is written like %(allowed)s: the year, W, and its number."),
    "malformed_number": _("Write a number without a sign, with at most %(allowed)s digits after the point."),
    "need_out_of_range": _("This is more than can be asked for, or nothing (possible is up to %(allowed)s)."),
    "ballots_are_sealed": _("Ballots on this proposal are sealed before they are sent; this one could be read."),
    "ballots_are_open": _("Ballots on this proposal are not sealed."),
    "ballots_are_opened": _("The ballots are being opened; nobody can vote any more."),
    "sealed_malformed": _("This is no sealed ballot of this vote."),
    "sealed_too_long": _("Choice and reason together are too long to be sealed. Shorten the reason."),
    "not_a_keyholder": _("Only the keyholders whom the charter names have keys here."),
    "keys_are_settled": _("The wait for keys is over, and voting goes on without this one."),
    "key_published": _("You have published another key for this vote; it stays."),
    "key_taken": _("Another keyholder has this very key."),
    "key_unusable": _("Nothing can be sealed for this key."),
    "secret_unknown": _("This secret belongs to no key of this proposal."),
    "wallet_not_steady": _(
        "Your wallet signed the same text in two ways, so no key could be made from it again. Use the command instead."
    ),
    "another_key": _(
        "Your wallet gives another key than the one that was published. Check that it is the same account."
    ),
    "not_the_operator": _("Only whoever registered a site may do this."),
    "own_site": _("Another steward, or a vote, decides about your own site."),
    "already_admitted": _("This community has let the site in already."),
    "not_admitted": _("This community has not let the site in."),
    "site_moved_on": _("This cannot be done with the site as it stands now."),
    "too_many_sites": _("These are as many sites as can be taken in at present (%(allowed)s). Come back later."),
    "too_many_kinds": _("Name at most %(allowed)s kinds of data."),
    "unknown_country": _("A country has two capital letters, such as FR."),
    "date_in_future": _("This day has not come yet; a value is of today at the latest (%(allowed)s)."),
    "share_too_small": _(
        "So small a share is less than one device. Give one whole, and block hours of it in the calendar."
    ),
    "field_is_fixed": _("This stays as it was registered: %(allowed)s."),
    "source_missing": _("Say where the value is from: a bill, a meter, a data sheet."),
    "malformed_date": _("This is no date. Write it like 2026-11-22."),
    "unknown_action": _("There is no such thing to do."),
    "runner_elsewhere": _("This machine stands at another site. Take it off there first."),
    "beyond_bounds": _("This is outside the bounds that are said here."),
    "nothing_counts": _("One of the three weights at least is above 0."),
    "share_of_nobody": _("There is no such community here: %(found)s."),
    "own_attestation": _("Others say it of you."),
    "not_an_attester": _("In this community the council in office says who is a newcomer."),
    "too_many_attestations": _("You have vouched for %(allowed)s people today. Come back tomorrow."),
    "enough_attested": _("Enough people vouch for this member already."),
    "unknown_attestation": _("There is no such attestation here."),
    "not_your_attestation": _("Only whoever gave it, and the member of whom it speaks, take it back."),
    "unknown_newcomer_kind": _("The rule in force does not know this kind of newcomer."),
    "malformed_name": _("A short name has small Latin letters, digits and dashes."),
    "unknown_news_topic": _("There is no such thing to be told of."),
    "unknown_channel": _("One cannot hear of it in this way; possible are %(allowed)s."),
    "unknown_appearance": _("There are no such colours. Choose one of %(allowed)s."),
    "malformed_email": _("This is no e-mail address. It looks like name@example.org."),
    "email_not_ascii": _(
        "What stands before the @ may only be letters from a to z, digits and signs: some mail servers take no others."
    ),
    "mail_not_offered": _("This site sends no e-mail. Use a passkey instead."),
    "mail_refused": _("The mail server does not take letters to this address. Look whether it is written right."),
    "mail_unavailable": _("No letter can be sent at the moment. Try again in a few minutes."),
    "too_many_links": _("Too many links were asked for from your network. Try again in an hour."),
    "link_gone": _("This link has been used, or is too old. Ask for another one."),
    "other_readers_link": _("Open this link in the browser where you asked for it, and sign in there first."),
    "email_of_other_wallet": _("This e-mail address belongs to an account of another wallet."),
    "other_wallet": _("This account belongs to another wallet."),
    "two_emails": _("Both accounts have an e-mail address. Say which one is kept."),
    "last_way_in": _("You could not sign in any more. Add another way first, or delete the account."),
    "unknown_letter_language": _("Letters are not written in this language."),
    "no_reader": _("Sign in first: with a link by e-mail, a passkey or a wallet."),
    "passkeys_not_offered": _("Browsers accept no passkeys at the address of this site."),
    "challenge_gone": _("That took too long, or was done already. Begin again."),
    "malformed_passkey": _("This is no answer of a passkey."),
    "passkey_rejected": _("This passkey was not accepted."),
    "unknown_seat": _("This passkey was not made for a seat here. Make one on the page for passkeys that vote."),
    "unknown_passkey": _("No account here has this passkey. It may have been removed."),
    "passkey_known": _("This passkey belongs to an account already. Sign in with it."),
    "passkey_name": _("Give the passkey a short name."),
    "too_many_passkeys": _("You have many passkeys. Remove one first."),
    "too_many_challenges": _("Too many passkeys were tried from your network. Try again in an hour."),
    "too_many_follows": _("You follow %(allowed)s things already. End some of them first."),
    "not_followed": _("You do not follow this."),
    "missing_field": _("This is needed."),
    "malformed_field": _("This cannot be read as what is asked for."),
    "value_out_of_range": _("This is outside what is possible (found %(found)s, allowed %(allowed)s)."),
    "unknown_base": _("Choose a version of this community to start from."),
    "dataset_not_included": _("Choose at least one dataset, and only such that a vote has included."),
    "unknown_language": _("The dataset has no rows in this language."),
    "not_offered_here": _("The machines of this site do not offer this; they offer %(allowed)s."),
    "rows_do_not_fit": _("This needs rows of the kind %(allowed)s; a chosen dataset has rows of the kind %(found)s."),
    "tokenizer_without_format": _("The tokenizer of the base lacks marks of this format: %(found)s."),
    "not_answering": _("Nobody answers here now. Download the model to run it yourself."),
    "busy": _("Others are being answered. Try again in a few seconds."),
    "context_length_exceeded": _("This is more text than the model can read."),
    "model_too_large": _("This model is too large to be tried here. Download it to run it yourself."),
    "no_chat_template": _("This model was published without a format for conversations."),
    "unknown_suite": _("Choose an evaluation suite."),
    "unknown_dataset": _("Choose a dataset that has been registered."),
    "wrong_role": _("Questions for measuring are held out: models never learn from them. Choose another dataset."),
    "already_included": _("A vote has included this dataset already."),
    "dataset_differs": _("The dataset has changed since this was written. Choose it again."),
    "unknown_metric": _("Choose a metric that is measured."),
    "unknown_scope": _("Choose all models, or one of this community."),
    "rule_in_force": _("A rule with this short name is in force already. Propose to change it."),
    "unknown_rule": _("No rule with this short name is in force."),
    "rule_changed_since": _("This rule was changed since. Look at its text of today, and propose again."),
    "rule_unchanged": _("The rule says this already. Change something."),
    "malformed_duty": _("This cannot be read as what people are asked for."),
    "unknown_task": _("Choose what people are asked to do."),
    "too_many_samples": _("No suite of this community has so many questions (%(found)s asked for, %(allowed)s there)."),
    "duty_measures_nothing": _("A rule that asks people measures nothing: leave metric, suite and bound out."),
    "no_review": _("Nobody is asked to review this run."),
    "samples_not_found": _("These samples are not kept on this site."),
    "suite_used": _("This suite was opened: it is hidden no more. Choose another, or the dataset that it is now."),
    "opening_early": _("No model waits for this suite. It is opened once a model is fixed that a rule measures on it."),
    "opening_late": _("No model waits for it any more: the time has passed, or the run was ended. It stays hidden."),
    "opening_differs": _("These rows with this salt are not what was committed."),
    "malformed_salt": _("The salt is 64 digits from 0 to 9 and a to f, as it stands in the file that you kept."),
    "suite_was_public": _("These rows are a dataset of this site already: what everybody could see was not hidden."),
    "already_opened": _("This suite is open already: a suite is hidden once."),
    "not_the_keeper": _("Only whoever keeps a hidden suite opens it."),
    "already_committed": _("Something else was said of this commitment before."),
    "malformed_commitment": _("A commitment is 64 digits from 0 to 9 and a to f."),
    "too_many_suites": _("You keep %(allowed)s hidden suites that are not opened; open some of them first."),
    "sunset_passed": _("This day is in the past: such a rule would bind nothing. Choose a later one."),
    "malformed_moment": _("This is no date. Write it like 2026-11-22."),
    "moments_swapped": _("The earlier date lies after the later one."),
    "unknown_run": _("This community has no run with this number."),
    "not_rejected": _("Only a run that the rules rejected can be overridden."),
    "already_overridden": _("A vote has overridden this verdict already."),
    "override_differs": _("The verdict says otherwise. Leave report and rules out; they are filled in."),
    "override_tier_missing": _(
        "The charter names no gravest tier for overriding a verdict. A change of the charter can make one."
    ),
    "no_rules": _("Adopt an ethics rule first: without one nothing could judge the result."),
    "budget_exceeded": _("This is more work than the budget pays for. Raise the budget or ask for less work."),
    "scan_failed": _("A scan found something that blocks this dataset."),
    "below_threshold": _(
        "Submitting needs more voting power: you had %(found_power)s at the snapshot, %(allowed_power)s are needed."
    ),
    "too_many_open": _("You have %(found)s open proposals; at most %(allowed)s are allowed at once."),
    "too_many_drafts": _("You have as many drafts as are kept. Submit one or withdraw one first."),
    "proposal_frozen": _("This proposal was submitted and can no longer be changed. Withdraw it and write another."),
    "length_out_of_range": _("This is empty, or longer than is possible."),
    "forbidden_character": _("This has a character that cannot be kept. Please write it anew."),
    "no_power_exists": _("Nobody holds votes yet, so nothing can be put to the vote."),
    "snapshot_changed": _("The members are not those that were frozen with this proposal. Please tell the community."),
    "chain_not_configured": _("This site is not connected to the chain that counts votes. Please tell the operator."),
    "not_the_author": _("Only the author may do this."),
    "database_busy": _("The database did not answer in time. Nothing was changed; please try again."),
    "snapshot_reorged": _("The chain has dropped the block of the snapshot, so this vote cannot be counted."),
    "blocked_payload_changed": _("What is stored is not what was voted on. Nothing is carried out."),
    "keys_invalid": _(
        "These keys cannot be used together. Each has 64 hex digits and stands once, none is both used and revoked, "
        "and there are at least as many guardians as signatures asked for."
    ),
    "keys_unchanged": _("These keys are in force already."),
    "keys_replaced": _("A vote has put other keys in force. The release is made anew; sign that one."),
    "revocation_dropped": _("A key that was revoked stays revoked. List it again."),
    "not_a_release_guardian": _("This is not the key of a guardian of this release."),
    "no_waiting_release": _("No release waits for guardians here."),
    "already_released": _("This release is published already."),
    "signature_wrong": _("The signature does not hold. Sign the file that the page of the run offers."),
    "signatures_missing": _("Guardians have still to sign the release. It is published as soon as enough have."),
    "release_key_unavailable": _("The key that signs releases is not there. The release waits for it."),
    "chain_unavailable": _("The chain does not answer at the moment. Nothing was changed; please try again."),
    "wrong_state": _("The proposal has moved on since this page was opened. Nothing was changed."),
    "already_paused": _("This was paused before; a proposal is paused at most once."),
    "release_paused_before": _("This was paused before; a release is paused at most once."),
    "already_current": _("This version is in use already; no newer one is."),
    "not_published": _("This version is not published yet."),
    "not_a_steward": _("Only the stewards of this community may do this."),
    "incident_moved_on": _("The incident has moved on since this page was opened. Nothing was changed."),
    "not_severe_enough": _("An incident of this severity does not pause a release."),
    "already_withheld": _("This report is withheld already."),
    "already_a_case": _("This incident is a question of a suite already."),
    "too_many_incidents": _("From here so much was reported today that no more is taken in. Come back tomorrow."),
    "too_many_removals_asked": _("From here so much was asked today that no more is taken in. Come back tomorrow."),
    "unknown_category": _("Choose what is wrong."),
    "unknown_severity": _("Choose how severe it is."),
    "unknown_outcome": _("Choose an outcome."),
    "unknown_incident": _("Name another incident of this community that is no duplicate itself."),
    "promise_invalid": _(
        "Each promise is a metric that is measured, a comparison and a plain decimal (found %(found)s)."
    ),
    "already_withdrawn": _("This release is withdrawn already."),
    "base_withdrawn": _("This version was withdrawn by a vote. Choose another one to start from."),
    "unknown_release": _("Choose a version of this community."),
    "already_spoken": _("You have said this about the proposal already."),
    "not_a_guardian": _("Only guardians of the council may do this."),
    "no_council": _("No council is in office. A council is elected by a proposal."),
    "pause_not_possible": _("The charter allows no pause here, or too little time is left for one."),
    "cool_down": _("The same thing was voted down a short while ago. It can come back when its cool-down is over."),
    "draft_changed": _("The draft has changed just now. Please read it and sign it again."),
    "changed_meanwhile": _("The rules or the sponsors have changed just now. Please submit again."),
    "choices_invalid": _("The choices cannot be offered like this (found %(found)s, allowed %(allowed)s)."),
    "choice_invalid": _("This is not a choice that can be made here."),
    "method_not_allowed": _("This kind of proposal is not voted on in this way. Choose another way of voting."),
    "invalid_rules": _("The charter lacks a rule or has one that cannot be followed. Compare it with the present one."),
    "not_more": _("Ask for more than what was voted (%(allowed)s)."),
    "no_ceiling": _("No ceiling in money was voted for this run."),
    "run_is_over": _("This run has its verdict already."),
    "nothing_changes": _("These are the rules that are in force already."),
    "too_large": _("This is too long."),
    "no_voting_power": _("This address has no voting power here."),
    "own_draft": _("Authors back their own drafts anyway."),
    "unknown_draft": _("There is no draft that seeks sponsors here."),
    "too_many_sponsors": _("This draft has as many sponsors as it can have."),
    "too_many_delegates": _("You delegate to as many people as is possible. Take one delegation back first."),
    "shares_exceed_whole": _("Together you would delegate more than everything. Take something back first."),
    "unknown_topic": _("A topic is a kind of proposal, or all of them."),
    "expired": _("This would have expired already. Choose a later day."),
    "delegation_expired": _("The signature has expired. Please sign again."),
    "delegation_nonce": _("Something else was signed in the meantime. Please sign again."),
    "relay_not_offered": _("This site sends no transactions. Send it from your own wallet."),
    "address_malformed": _("This is not an address. An address is 0x and 40 digits from 0 to 9 and a to f."),
    "choose_one": _("Choose something first."),
    "rank_all": _("Put all choices in your order first."),
    "ranks_incomplete": _("Give each choice a place of its own, from 1 to %(allowed)s."),
    "address_is_a_name": _(
        "This is a name. Names such as those of ENS are not looked up here: paste the address itself, 0x and 40 digits."
    ),
    "address_without_0x": _("This looks like an address without its beginning. Write 0x before it."),
    "address_length": _("An address has 40 digits after 0x, not %(found)s. Copy it again from your wallet."),
    "address_checksum": _("This address has a typing error. Copy it again from your wallet."),
    "signature_invalid": _("The signature does not match this account. Nothing was done; please try again."),
    "not_in_the_census": _("This address is not in the census: it had no voting power at the snapshot."),
    "chain_disagreement": _("Two views of the chain do not agree, so nothing is counted until they do."),
    "chain_answer_invalid": _("The chain gave an answer that cannot be used. Nothing was changed; please try again."),
    "census_exceeds_supply": _("The powers read are more than what exists, so the census was stopped."),
    "period_too_short": _("The voting period is shorter than is allowed (found %(found)s s, at least %(allowed)s s)."),
    "period_too_long": _("The voting period is longer than is allowed (found %(found)s s, at most %(allowed)s s)."),
    "start_out_of_range": _("Voting cannot begin at this moment. Choose another one."),
    "power_source_unknown": _("This source of voting power is not known here."),
    "governed_by_contract": _("This community governs by contract: this is a transaction that your own wallet sends."),
    "not_by_contract": _("This community votes by signatures, not by contract."),
    "timing_of_contract": _("The Governor sets the times of its votes; leave them out."),
    "governor_rules_differ": _("The Governor keeps other rules than the charter (%(found)s instead of %(allowed)s)."),
    "contract_differs": _("The Governor counts differently than the votes that were read here, so nothing is decided."),
    "not_on_chain": _("This proposal was not made through a Governor."),
    "not_allowed_now": _("This cannot be done with the proposal as it stands now."),
    "counting_unsupported": _("This Governor counts in another way than for, against and abstain."),
    "governor_token_differs": _("This Governor counts another token than the charter names."),
    "quorum_unsupported": _("The quorum of this Governor is no share in basis points."),
    "anchor_not_owned": _("The anchor does not belong to the timelock of this Governor."),
    "token_clock_unsupported": _("This token keeps time in another way than its source of power needs."),
    "power_unreadable": _("No voting power can be read where the charter says. Compare it with the present one."),
    "too_many_changes": _("So many changes in one day are enough. Please come back tomorrow."),
    "too_many_relays": _("This site has sent enough for today. Send it from your own wallet."),
    "not_shared": _("No wallet that names its owners stands at this address on the chain."),
    "no_contract_wallets": _("Contract wallets sign only where power is read from a chain."),
    "too_many_wallets": _("Many wallets were asked about from your network. Wait a minute."),
    "nonce_exhausted": _("This wallet has signed the last message that can be counted here."),
    "runner_name_malformed": _("A name has 1 to 80 letters, digits, spaces, dots, hyphens and underscores."),
    "name_taken": _("Another machine has this name."),
    "too_many_runners": _("You lend as many machines as is possible. Take one back first."),
    "too_many_tokens": _("This machine was given new tokens often. Wait an hour."),
    "runner_revoked": _("This machine was taken back. Register it again."),
    "not_the_owner": _("Only the member who lends a machine may do this."),
    "no_machines_here": _("The machines of this site measure nothing."),
    "nothing_to_measure_again": _("No rule binds this version, or what made it is not known here."),
    "nothing_to_ask_again": _("What made this version is not known here, so it cannot be asked."),
    "inquiry_at_work": _("This is in line or at work already. Wait for it."),
    "too_many_inquiries": _("This was asked for %(allowed)s times within a day. Please come back tomorrow."),
    "nothing_to_compare": _("This model has only one version so far."),
    "same_version": _("Choose two different versions."),
    "unknown_version": _("This model has no version with that number. Choose from the list."),
    "call_closed": _("What called for a vote has ended."),
    "call_taken_up": _("Somebody has made a draft of this already."),
    "unknown_call": _("There is no call for a vote with this number."),
    "previews_off": _("The machines of this site make no previews."),
    "nothing_to_preview": _("Only a training can be previewed, and only a dataset tried."),
    "nothing_to_try": _("No training here learns from rows of this kind, so they cannot be tried."),
    "no_model_to_try": _("The community has no model yet that a dataset could be tried on."),
    "no_suite_to_try": _("Register an evaluation suite of questions with answers first."),
    "nothing_to_choose": _(
        "There is nothing to choose from yet: it takes a version and a dataset that a vote has included."
    ),
    "not_offered": _("Choose one of those that are offered."),
    "no_dataset_chosen": _("Choose at least one dataset, and at most %(allowed)s."),
    "preview_at_work": _("A preview of this is in line or at work. Wait for it."),
    "too_many_previews": _("You have asked for %(allowed)s previews within a day. Please come back tomorrow."),
    "data_may_not_leave": _(
        "It would learn from rows that are kept in %(allowed)s, and a site there lets none of these kinds out of the "
        "country. The machines that would compute it stand elsewhere."
    ),
    "data_may_not_enter": _(
        "It would learn from data that the site of the machines that would compute it does not let in."
    ),
    "sandbox_quota_used": _(
        "A member may use %(allowed)s device-seconds in a week without a vote, and %(found)s are used or promised. "
        "Please come back later."
    ),
    "blocked_payload_missing": _("Something that was voted on is no longer there. Nothing is carried out."),
} | CONSULTATION_REFUSALS


def refusal(
    code: str, detail: str, found: object = None, allowed: object = None, decimals: int = numbers.TOKEN_DECIMALS
) -> str:
    """Return a refusal as a sentence for a reader; `decimals` are those of the voting power that it is about."""
    length = _LENGTH.search(detail) if code == "length_out_of_range" else None
    if length is not None:
        return _wrong_length(int(length["found"]), int(length["most"]))
    template = REFUSALS.get(code)
    if template is None:
        return detail[:1].upper() + detail[1:]
    values = {
        "detail": detail,
        "found": found,
        "allowed": allowed,
        "found_power": _power(found, decimals),
        "allowed_power": _power(allowed, decimals),
    }
    return str(template) % values


# How services word a length that is refused.
_LENGTH = re.compile(r"(?P<found>\d+) characters found, (?:\d+ to|at most) (?P<most>\d+) allowed")


def _wrong_length(found: int, most: int) -> str:
    if found == 0:
        return str(REFUSALS["missing_field"])
    return gettext("%(found)s characters are too many; at most %(most)s are possible.") % {
        "found": numbers.grouped(found),
        "most": numbers.grouped(most),
    }


def _power(value: object, decimals: int) -> str:
    text = str(value)
    readable = text.isascii() and text.isdigit() and len(text) <= POWER_DIGITS
    return numbers.power(int(text), decimals=decimals) if readable else text
