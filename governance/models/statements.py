"""What a community asks people about: consultations, statements, who takes part, and what came of it.

A consultation decides nothing. Nobody's answers are signed, and none is in the log: who took part is known while it is
open, so that nobody answers twice, and is forgotten with the last count.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from governance.models.communities import Community
from governance.models.proposals import Proposal
from governance.models.readers import Reader


class Consultation(models.Model):
    """A question that people answer by agreeing or disagreeing with statements; about a proposal, or by itself.

    `recount_at` is set when a statement was hidden or shown again after the last count.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="consultations")
    number = models.PositiveIntegerField()
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="consultation")
    author = models.CharField(max_length=42)
    question = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    recount_at = models.DateTimeField(null=True)

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two consultations answering to one address
            models.UniqueConstraint(fields=["community", "number"], name="consultation_number_once"),
            # prevents one that closes before it opens
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="consultation_opens_first"),
        ]

    def __str__(self) -> str:
        """Return number and question."""
        return f"{self.number} {self.question}"


class Statement(models.Model):
    """One sentence to agree or disagree with. `seed`: the author of the consultation wrote it, not a participant.

    `normal` is how it is compared with others. What was hidden stays in the table, and is shown again if an appeal is
    granted (`restored_at`).
    """

    consultation = models.ForeignKey(Consultation, on_delete=models.CASCADE, related_name="statements")
    number = models.PositiveIntegerField()
    text = models.CharField(max_length=200)
    normal = models.CharField(max_length=400)
    seed = models.BooleanField(default=False)
    writer = models.ForeignKey(Reader, on_delete=models.SET_NULL, null=True, related_name="statements")
    at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True)
    hidden_by = models.CharField(max_length=42, blank=True)
    hidden_rule = models.CharField(max_length=20, blank=True)
    hidden_reason = models.CharField(max_length=500, blank=True)
    appeal = models.CharField(max_length=500, blank=True)
    appealed_at = models.DateTimeField(null=True)
    appeal_answer = models.CharField(max_length=500, blank=True)
    appeal_answered_by = models.CharField(max_length=42, blank=True)
    appeal_answered_at = models.DateTimeField(null=True)
    restored_at = models.DateTimeField(null=True)

    class Meta:
        """The order in which they came, and constraints."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            # prevents two statements answering to one number
            models.UniqueConstraint(fields=["consultation", "number"], name="statement_number_once"),
            # prevents the same sentence twice
            models.UniqueConstraint(fields=["consultation", "normal"], name="statement_once"),
            # prevents an appeal, or its end, about what was not hidden
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=False) | Q(appealed_at__isnull=True, restored_at__isnull=True),
                name="only_hidden_is_appealed",
            ),
            # prevents an appeal that is answered before it is made
            models.CheckConstraint(
                condition=Q(appealed_at__isnull=False) | Q(appeal_answered_at__isnull=True),
                name="appealed_before_answered",
            ),
        ]

    def __str__(self) -> str:
        """Return the sentence."""
        return self.text


class Participant(models.Model):
    """The answers of one person: {statement number: 1 agree, -1 disagree, 0 pass}.

    `holds_votes`: had voting power in the community when they began; null where that could tell who it is. `counted`:
    the newest result knows these answers. No moment is kept, and with the last count the rows are written anew, without
    `reader` and in the order of what they say: nothing is left that could tell whose they are.
    """

    consultation = models.ForeignKey(Consultation, on_delete=models.CASCADE, related_name="participants")
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="participations")
    holds_votes = models.BooleanField(null=True)
    answers = models.JSONField(default=dict)
    counted = models.BooleanField(default=False)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one person answering twice
            models.UniqueConstraint(fields=["consultation", "reader"], name="participant_once"),
        ]

    def __str__(self) -> str:
        """Return how much they answered: nothing here should say what."""
        return f"{len(self.answers)} answers"


class ConsultationResult(models.Model):
    """The newest count of a consultation (`statements.analysis`), and how many took part then."""

    consultation = models.OneToOneField(Consultation, on_delete=models.CASCADE, related_name="result")
    at = models.DateTimeField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        """Return the digest."""
        return self.digest
