"""Signatures of contract wallets, and ballots that wait for their owners."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of wallets."""

    dependencies = [
        ("governance", "0009_statements"),
    ]

    operations = [
        migrations.AlterField(model_name="ballot", name="signature", field=models.TextField()),
        migrations.CreateModel(
            name="PendingBallot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("wallet", models.CharField(max_length=42)),
                ("choice", models.JSONField()),
                ("reason", models.TextField(blank=True)),
                ("nonce", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("owners", models.JSONField()),
                ("threshold", models.PositiveIntegerField()),
                ("block_number", models.BigIntegerField()),
                ("begun_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField()),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pending_ballots",
                        to="governance.proposal",
                    ),
                ),
                (
                    "record",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pending_ballot",
                        to="governance.record",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OwnerSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.CharField(max_length=42)),
                ("signature", models.TextField(blank=True)),
                ("signed_at", models.DateTimeField()),
                (
                    "pending",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signatures",
                        to="governance.pendingballot",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="pendingballot",
            constraint=models.UniqueConstraint(fields=("digest",), name="pending_ballot_once"),
        ),
        migrations.AddConstraint(
            model_name="ownersignature",
            constraint=models.UniqueConstraint(fields=("pending", "owner"), name="owner_signs_once"),
        ),
    ]
