"""People who follow without a wallet, their ways to sign in, and what they follow."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0002_evidence_is_append_only")]
    operations = []
