"""What accounts are called elsewhere, as a resolver told it: a copy for pages, which runs out. Nothing rests on it."""

from django.db import models


class KnownName(models.Model):
    """An account that was asked about. `told_at` is when the chain last answered; before that nothing is known."""

    address = models.CharField(max_length=42, unique=True)
    name = models.CharField(max_length=60, blank=True)  # empty: it has none
    picture = models.BinaryField(default=b"")  # a small PNG that this site has drawn itself; empty: none
    ask_again_at = models.DateTimeField(db_index=True)
    told_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Return the address and the name."""
        return f"{self.address} {self.name}".strip()
