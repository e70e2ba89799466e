"""Reviewers sign with a passkey, too: its signatures are longer than those of a key."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Signatures of reviewers may be as long as a passkey's."""

    dependencies = [("training_jobs", "0004_commons")]
    operations = [migrations.AlterField(model_name="attested", name="signature", field=models.TextField())]
