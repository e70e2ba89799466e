"""Requests keep why they wait, as the log was told, and votes may raise the ceiling of a run."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A name is of one community's log, so that a community can move to where its numbers are taken."""

    dependencies = [
        ("governance", "0015_contract_wallets"),
        ("training_jobs", "0008_carbon_counted_afterwards"),
    ]

    operations = [
        migrations.CreateModel(
            name="RaisedCeiling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("raised_at", models.DateTimeField()),
                ("ceiling", models.PositiveBigIntegerField()),
            ],
            options={
                "ordering": ["-raised_at", "-pk"],
            },
        ),
        migrations.AddField(
            model_name="computerequest",
            name="cannot_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="computerequest",
            name="waits_for",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AlterField(
            model_name="computerequest",
            name="name",
            field=models.CharField(max_length=64),
        ),
        migrations.AddConstraint(
            model_name="computerequest",
            constraint=models.UniqueConstraint(fields=("community", "name"), name="request_named_once_in_a_log"),
        ),
        migrations.AddField(
            model_name="raisedceiling",
            name="proposal",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.proposal"
            ),
        ),
        migrations.AddField(
            model_name="raisedceiling",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="raised_ceilings", to="training_jobs.run"
            ),
        ),
    ]
