"""Reviewers sign with a contract wallet, too: which one was asked, and at which block."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """What is kept of a contract wallet that stood by an attestation."""

    dependencies = [("training_jobs", "0006_settlement")]
    operations = [migrations.AddField(model_name="attested", name="wallet", field=models.JSONField(null=True))]
