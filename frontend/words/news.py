"""Words of what people are told: the topics, how one can hear of them, and one sentence for each thing.

`SAYS` is by topic and kind, where what is said depends on who hears it, or by kind alone. A sentence is one line; its
subject is short enough for the list of a mail program.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Text, Word

# The label stands in the matrix; `says` is why somebody gets it.
NEWS_TOPICS: dict[str, Word] = {
    "vote_waits_for_you": Word(
        _("A vote ends soon and I have not voted"),
        "hourglass",
        says=_("You can vote on this decision and have not voted yet."),
    ),
    "delegate_voted": Word(
        _("My delegate voted"), "people", says=_("You lent your voting power to this delegate for this decision.")
    ),
    "power_lent": Word(
        _("Somebody lends me their power, or takes it back"), "people", says=_("The power was lent to you.")
    ),
    "own_proposal": Word(_("What becomes of my own proposals"), "pencil", says=_("You wrote this proposal.")),
    "invited_to_write": Word(
        _("I am asked to write a draft together"),
        "pencil",
        says=_("The author of a draft asks you to write with them."),
    ),
    "own_comment": Word(_("A comment of mine is hidden, or shown again"), "minus", says=_("You wrote this comment.")),
    "comment_answered": Word(
        _("Somebody answers a comment of mine"), "pencil", says=_("You wrote the comment that is answered.")
    ),
    "moderator_duty": Word(
        _("A comment is reported or appealed, and I moderate"),
        "shield",
        says=_("You are a guardian or a steward of this community."),
    ),
    "own_statement": Word(
        _("A statement of mine is hidden, or my appeal is answered"), "minus", says=_("You wrote this statement.")
    ),
    "appeal_duty": Word(
        _("Somebody appeals about a hidden statement, and I may answer"),
        "shield",
        says=_("You may answer this appeal: you did not hide the statement."),
    ),
    "discussion": Word(
        _("Somebody comments on a decision"),
        "pencil",
        says=_("You wrote or follow this decision, or have said something about it."),
    ),
    "guardian_duty": Word(
        _("A decision waits, and I am a guardian"), "shield", says=_("You sit in the council of this community.")
    ),
    "steward_duty": Word(
        _("Somebody reports harm, and I am a steward"), "warning", says=_("You answer incidents of this community.")
    ),
    "settlement_duty": Word(
        _("Payments on chain are read no further, and I am a steward"),
        "warning",
        says=_("You answer incidents of this community."),
    ),
    "own_payout": Word(
        _("My site is paid on chain, or what was sent pays nothing"),
        "scale",
        says=_("You operate the site that is paid, or hold the address that is paid for it."),
    ),
    "keeper_duty": Word(
        _("A hidden suite of mine is to be opened"),
        "hourglass",
        says=_("You keep a hidden suite that a run waits for."),
    ),
    "keyholder_duty": Word(
        _("A sealed vote needs my key or my secret"),
        "key",
        says=_("You are a keyholder: ballots on this decision are opened with your secret."),
    ),
    "consulted": Word(
        _("The community asks what people think"),
        "people",
        says=_("You have voting power in this community, or follow it or the decision that it is about."),
    ),
    "consultation_ends": Word(
        _("A consultation ends soon"), "clock", says=_("You follow this community, or the decision that it is about.")
    ),
    "consultation_counted": Word(
        _("A consultation is counted"),
        "scale",
        says=_("You asked, or follow this community or the decision that it is about."),
    ),
    "review_duty": Word(
        _("A result is to be looked at, and I may"), "eye", says=_("You could vote on this training, so you may look.")
    ),
    "sponsors_sought": Word(
        _("A draft seeks sponsors"), "people", says=_("You have voting power in this community, so you may sponsor it.")
    ),
    "vote_opened": Word(
        _("A vote opens"),
        "drop",
        says=_("You can vote on this decision, open its ballots, or follow it or its community."),
    ),
    "vote_ends": Word(_("A vote ends soon"), "clock", says=_("You follow this decision or its community.")),
    "decided": Word(
        _("A vote is decided"), "scale", says=_("You voted on this decision, or follow it or its community.")
    ),
    "stopped": Word(
        _("A decision is withdrawn, paused or vetoed"),
        "pause",
        says=_("You voted on this decision, or follow it or its community."),
    ),
    "carried_out": Word(
        _("A decision is carried out"), "check-circle", says=_("You follow this decision or its community.")
    ),
    "run_started": Word(
        _("A training run begins"), "wave", says=_("You follow this model, its community or the decision on it.")
    ),
    "run_ended": Word(
        _("A training run ends"), "scale", says=_("You follow this model, its community or the decision on it.")
    ),
    "released": Word(
        _("A version is released"), "drop", says=_("You follow this model, its community or the decision on it.")
    ),
    "release_stopped": Word(
        _("A version is paused, withdrawn or set back"),
        "warning",
        says=_("You follow this model, its community or the decision on it."),
    ),
    "incident": Word(_("Harm is reported or answered"), "warning", says=_("You follow this model or its community.")),
    "revote": Word(_("The watch calls for another vote"), "warning", says=_("You follow this model or its community.")),
}

CHANNELS: dict[str, Word] = {
    "now": Word(_("Letter at once"), "mail"),
    "daily": Word(_("Daily letter"), "mail"),
    "weekly": Word(_("Weekly letter"), "mail"),
    "inbox": Word(_("Only in the inbox"), "bell"),
    "off": Word(_("Not at all"), "minus"),
}


@dataclass(frozen=True)
class Says:
    """What is said of one thing: the subject, one sentence, and the words of the one link."""

    subject: Text
    sentence: Text
    action: Text


_DECISION = _("Look at the decision")
_RUN = _("Look at the run")
_RELEASE = _("Look at the version")
_COMMENT = _("Look at the comment")
_STATEMENTS = _("Look at the consultation")
_SECRET = _("Give my secret")
_PAYMENTS = _("Look at the payments")

SAYS: dict[str, Says] = {
    "vote_waits_for_you:ends_soon": Says(
        _("You have not voted yet: %(title)s"),
        _("Voting on “%(title)s” in %(community)s ends on %(ends)s, and you have not voted."),
        _("Vote now"),
    ),
    "ends_soon": Says(
        _("Ends soon: %(title)s"), _("Voting on “%(title)s” in %(community)s ends on %(ends)s."), _DECISION
    ),
    "opens": Says(
        _("Open for voting: %(title)s"),
        _("Voting on “%(title)s” in %(community)s has opened; it ends on %(ends)s."),
        _("Read and vote"),
    ),
    "proposal_submitted": Says(
        _("Up for a vote: %(title)s"),
        _("“%(title)s” was put to the vote in %(community)s; voting opens on %(opens)s and ends on %(ends)s."),
        _DECISION,
    ),
    "keyholder_duty:proposal_submitted": Says(
        _("Your key is asked for: %(title)s"),
        _("Voting on “%(title)s” in %(community)s cannot open before its keyholders have published their keys."),
        _("Publish my key"),
    ),
    "key_due": Says(
        _("Your key is still missing: %(title)s"),
        _("Voting on “%(title)s” in %(community)s waits for your key until %(until)s, and then no longer."),
        _("Publish my key"),
    ),
    "opening_asked": Says(
        _("Please open the ballots: %(title)s"),
        _("Voting on “%(title)s” in %(community)s has closed. Give your secret before %(until)s; then it is counted."),
        _SECRET,
    ),
    "opening_due": Says(
        _("Your secret is still missing: %(title)s"),
        _("“%(title)s” in %(community)s waits for secrets until %(until)s. If too few come, the vote does not pass."),
        _SECRET,
    ),
    "consultation_opened": Says(
        _("What do you think? %(question)s"),
        _("%(actor)s asks what people in %(community)s think: “%(question)s”."),
        _("Agree or disagree"),
    ),
    "consultation_ends": Says(
        _("Ends soon: %(question)s"),
        _("Statements on “%(question)s” in %(community)s can be answered until %(ends)s."),
        _("Agree or disagree"),
    ),
    "consultation_counted": Says(
        _("What people think: %(question)s"),
        _("The answers to “%(question)s” in %(community)s are counted."),
        _("Look at the result"),
    ),
    "ballot_cast": Says(
        _("Your delegate voted: %(title)s"),
        _("%(actor)s, whom you lent your power, voted on “%(title)s”: %(choice)s."),
        _("Look, or vote yourself"),
    ),
    "delegation_made": Says(
        _("%(actor)s lends you voting power"),
        _("%(actor)s lends you voting power in %(community)s, for proposals from now on."),
        _("See who relies on you"),
    ),
    "delegation_revoked": Says(
        _("%(actor)s takes voting power back"),
        _("%(actor)s has taken the voting power in %(community)s back that you were lent."),
        _("See who relies on you"),
    ),
    "delegation_relayed": Says(
        _("%(actor)s lends you voting power"),
        _("%(actor)s lends you voting power in %(community)s; the chain writes it down."),
        _("See who relies on you"),
    ),
    "draft_sponsored": Says(
        _("A sponsor for your draft: %(title)s"), _("%(actor)s backs your draft “%(title)s”."), _("Look at the draft")
    ),
    "draft_seeks_sponsors": Says(
        _("A draft seeks sponsors: %(title)s"),
        _("The draft “%(title)s” in %(community)s seeks members who back it."),
        _("Read the draft"),
    ),
    "draft_co_author_invited": Says(
        _("Will you write a draft together with %(actor)s?"),
        _("%(actor)s asks you to write a draft in %(community)s together."),
        _("Look at it, and answer"),
    ),
    "comment_answered:comment_written": Says(
        _("An answer to your comment: %(title)s"), _("Somebody answered your comment on “%(title)s”."), _COMMENT
    ),
    "comment_written": Says(
        _("A comment: %(title)s"), _("Somebody wrote a comment on “%(title)s” in %(community)s."), _COMMENT
    ),
    "comment_hidden": Says(
        _("Your comment is hidden: %(title)s"),
        _("A moderator of %(community)s hid your comment on “%(title)s”. You can read why, and appeal."),
        _COMMENT,
    ),
    "comment_shown_again": Says(
        _("Your comment is shown again: %(title)s"),
        _("Whoever hid your comment on “%(title)s” took that back."),
        _COMMENT,
    ),
    "comment_appeal_declined": Says(
        _("Your comment stays hidden: %(title)s"),
        _("Another moderator looked at your comment on “%(title)s”, and it stays hidden."),
        _COMMENT,
    ),
    "comment_appeal_granted": Says(
        _("Your comment is shown again: %(title)s"),
        _("Another moderator looked at your comment on “%(title)s”, and it is shown again."),
        _COMMENT,
    ),
    "comment_reported": Says(
        _("A comment was reported: %(title)s"),
        _("A comment on “%(title)s” in %(community)s was reported to its moderators."),
        _COMMENT,
    ),
    "comment_appealed": Says(
        _("An appeal waits: %(title)s"),
        _("The author of a hidden comment on “%(title)s” appeals; somebody else than who hid it answers."),
        _COMMENT,
    ),
    "statement_hidden": Says(
        _("Your statement is hidden: %(question)s"),
        _("A statement of yours on “%(question)s” in %(community)s was hidden. You can read why, and appeal once."),
        _STATEMENTS,
    ),
    "statement_appeal_answered": Says(
        _("Your appeal is answered: %(question)s"),
        _("Somebody has looked again at your statement on “%(question)s” in %(community)s. You can read the answer."),
        _STATEMENTS,
    ),
    "statement_appealed": Says(
        _("An appeal waits: %(question)s"),
        _("Whoever wrote a hidden statement on “%(question)s” in %(community)s appeals, and you may answer."),
        _STATEMENTS,
    ),
    "veto_voiced": Says(
        _("A guardian speaks for a veto: %(title)s"),
        _("A guardian of %(community)s wants to stop “%(title)s”: %(reason)s"),
        _DECISION,
    ),
    "proposal_vetoed": Says(
        _("Vetoed: %(title)s"), _("More than half of the council of %(community)s stopped “%(title)s”."), _DECISION
    ),
    "execution_paused": Says(
        _("Paused: %(title)s"), _("A guardian of %(community)s holds “%(title)s” back: %(reason)s"), _DECISION
    ),
    "proposal_canceled": Says(
        _("Withdrawn: %(title)s"), _("“%(title)s” in %(community)s was withdrawn: %(reason)s"), _DECISION
    ),
    "proposal_returned": Says(
        _("It waits again: %(title)s"),
        _("“%(title)s” in %(community)s was canceled in its timelock and waits there again; it can be carried out."),
        _DECISION,
    ),
    "step_refused": Says(
        _("Held up: %(title)s"), _("The next step of “%(title)s” could not be taken: %(refusal)s"), _DECISION
    ),
    "snapshot_reorged": Says(
        _("Held up: %(title)s"),
        _("The block that “%(title)s” was counted from is gone from the chain; it cannot be counted."),
        _DECISION,
    ),
    "voting_closed:passed": Says(
        _("Passed: %(title)s"), _("The vote on “%(title)s” in %(community)s passed. %(because)s"), _DECISION
    ),
    "voting_closed:failed": Says(
        _("Not passed: %(title)s"), _("The vote on “%(title)s” in %(community)s did not pass. %(because)s"), _DECISION
    ),
    "proposal_queued": Says(
        _("Waits for you as a guardian: %(title)s"),
        _("“%(title)s” passed in %(community)s and takes effect on %(effect)s; until then a veto is possible."),
        _DECISION,
    ),
    "proposal_executed": Says(
        _("Carried out: %(title)s"), _("“%(title)s” in %(community)s was carried out."), _DECISION
    ),
    "run_created": Says(
        _("Training begins: %(model)s"), _("A training run of %(model)s was ordered, as “%(title)s” decided."), _RUN
    ),
    "run_judged:accepted": Says(
        _("Result accepted: %(model)s"),
        _("What the training of %(model)s made keeps the rules, and is accepted."),
        _RUN,
    ),
    "run_judged:rejected": Says(
        _("Result rejected: %(model)s"),
        _("What the training of %(model)s made failed the rule %(rules)s, and is rejected."),
        _RUN,
    ),
    "run_failed": Says(_("Training failed: %(model)s"), _("The training run of %(model)s failed: %(failure)s"), _RUN),
    "run_canceled": Says(
        _("Training stopped: %(model)s"), _("The training run of %(model)s was stopped by its author."), _RUN
    ),
    "run_paused": Says(
        _("Training paused: %(model)s"), _("A guardian holds the training of %(model)s up: %(reason)s"), _RUN
    ),
    "run_at_ceiling": Says(
        _("Stopped at its ceiling: %(model)s"),
        _(
            "The money that was voted for the training of %(model)s pays for no more time, and it rests at its last "
            "checkpoint. Propose more money for it, and it goes on from there; or stop it, and what is left goes back "
            "to the budget."
        ),
        _RUN,
    ),
    "run_ceiling_raised": Says(
        _("More money for a training: %(model)s"),
        _("A vote lets the training of %(model)s cost up to %(amount)s. It goes on from its last checkpoint."),
        _RUN,
    ),
    "release_refused": Says(
        _("Release held up: %(model)s"), _("The result for %(model)s is not released yet: %(refusal)s"), _RUN
    ),
    "review_opened": Says(
        _("Please look at a result: %(model)s"),
        _("Before the result for %(model)s is judged, members are asked to look at it, until %(until)s."),
        _("Look and attest"),
    ),
    "openings_awaited": Says(
        _("Please open your hidden suite: %(model)s"),
        _("A model is fixed and waits for your hidden suite, until %(until)s."),
        _RUN,
    ),
    "version_released": Says(
        _("Released: %(model)s, version %(version)s"), _("Version %(version)s of %(model)s was released."), _RELEASE
    ),
    "release_paused": Says(
        _("Paused: %(model)s, version %(version)s"),
        _("A guardian paused version %(version)s of %(model)s: %(reason)s"),
        _RELEASE,
    ),
    "release_held": Says(
        _("Paused: %(model)s, version %(version)s"),
        _("A vote paused version %(version)s of %(model)s: %(reason)s"),
        _RELEASE,
    ),
    "release_pause_ended": Says(
        _("Handed out again: %(model)s, version %(version)s"),
        _("A vote ended the pause of version %(version)s of %(model)s."),
        _RELEASE,
    ),
    "release_withdrawn": Says(
        _("Withdrawn: %(model)s, version %(version)s"),
        _("Version %(version)s of %(model)s was withdrawn: %(reason)s"),
        _RELEASE,
    ),
    "release_rolled_back": Says(
        _("Set back: %(model)s"),
        _("A vote went back to version %(version)s of %(model)s: %(reason)s"),
        _RELEASE,
    ),
    "settlement_approved": Says(
        _("Payment approved: %(amount)s for %(site)s"),
        _(
            "A vote in %(community)s approved %(amount)s for the site %(site)s, to be paid on chain at %(payout)s. "
            "If that address is not yours any more, ask for a vote that takes the payment back."
        ),
        _PAYMENTS,
    ),
    "settlement_paid": Says(
        _("Paid on chain: %(amount)s for %(site)s"),
        _("%(community)s has paid %(amount)s for the site %(site)s: the transfer stands in a final block."),
        _PAYMENTS,
    ),
    "settlement_unmatched": Says(
        _("A transfer that pays nothing: %(site)s"),
        _("The treasury of %(community)s sent the site %(site)s another sum than what is due; it counts for nothing."),
        _PAYMENTS,
    ),
    "settlement_withdrawn": Says(
        _("Payment taken back: %(amount)s for %(site)s"),
        _("A vote in %(community)s took the payment of %(amount)s for the site %(site)s back: %(reason)s"),
        _PAYMENTS,
    ),
    "own_payout:settlement_halted": Says(
        _("In doubt: %(amount)s for %(site)s"),
        _(
            "The books of %(community)s say that the site %(site)s was paid %(amount)s, and the chain took back the "
            "block of it. Whoever runs this platform is to look into it."
        ),
        _PAYMENTS,
    ),
    "settlement_duty:settlement_halted": Says(
        _("Payments are read no further: %(community)s"),
        _(
            "The chain took back a payment that is in the books of %(community)s. Nothing more is read until whoever "
            "runs this platform has looked into it."
        ),
        _PAYMENTS,
    ),
    "settlement_resumed": Says(
        _("Not on the chain any more: %(amount)s for %(site)s"),
        _(
            "Whoever runs this platform has looked: the payment of %(amount)s for the site %(site)s is not on the "
            "chain, and the books of %(community)s still have it. Only a vote sets that right."
        ),
        _PAYMENTS,
    ),
    "steward_duty:incident_reported": Says(
        _("Harm was reported: %(model)s"),
        _("Somebody reported harm that version %(version)s of %(model)s does; a steward is to say how severe it is."),
        _("Look at the report"),
    ),
    "incident_reported": Says(
        _("Harm was reported: %(model)s"),
        _("Somebody reported harm that version %(version)s of %(model)s does."),
        _("Look at the incident"),
    ),
    "incident_waits": Says(
        _("A report waits: %(model)s"),
        _("A report of harm about version %(version)s of %(model)s waits in line; a steward takes it in or not."),
        _("Look at what waits"),
    ),
    "incident_answered": Says(
        _("Answered: harm of %(model)s"),
        _("The report of harm about version %(version)s of %(model)s was answered: %(reason)s"),
        _("Look at the incident"),
    ),
    "revote_called": Says(
        _("Another vote is called for: %(subject)s"),
        _("The watch calls for another vote on %(subject)s."),
        _("Look at it"),
    ),
}
# What is said where something is known of that no sentence tells.
ELSE = Says(_("News of %(community)s"), _("Something happened in %(community)s."), _("Look at it"))
