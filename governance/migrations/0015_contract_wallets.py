"""Contract wallets that sponsor, sealed ballots that wait for their owners, accounts whose key has signed."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """Contract wallets that sponsor, sealed ballots that wait for their owners, accounts whose key has signed."""

    dependencies = [("governance", "0014_names")]
    operations = [
        migrations.AddField(model_name="account", name="signs_with_key", field=models.BooleanField(default=False)),
        migrations.AddField(model_name="sponsorship", name="wallet", field=models.JSONField(null=True)),
        migrations.AddField(model_name="pendingballot", name="sealed", field=models.TextField(blank=True)),
        migrations.AlterField(model_name="pendingballot", name="choice", field=models.JSONField(null=True)),
        migrations.AddConstraint(
            model_name="pendingballot",
            constraint=models.CheckConstraint(
                condition=Q(choice__isnull=False, sealed="") | (~Q(sealed="") & Q(choice__isnull=True, reason="")),
                name="pending_ballot_open_or_sealed",
            ),
        ),
    ]
