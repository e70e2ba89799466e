"""Shielded ballots: the keyholders' keys and what was sealed."""

import django.db.models.deletion
from django.db import migrations, models

import governance.fields


class Migration(migrations.Migration):
    """Tables of shielded ballots."""

    dependencies = [
        ("governance", "0010_wallets"),
    ]

    operations = [
        migrations.CreateModel(
            name="SealedVote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealed_vote",
                        to="governance.proposal",
                    ),
                ),
                (
                    "sealing_record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.record"
                    ),
                ),
                (
                    "unsealing_record",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.record"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SealedBallot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("voter", models.CharField(max_length=42)),
                ("voter_key", models.CharField(max_length=42)),
                ("sealed", models.TextField()),
                ("nonce", models.BigIntegerField()),
                ("power", governance.fields.PowerField()),
                ("house_power", governance.fields.PowerField(default=0)),
                ("signature", models.TextField()),
                ("position", models.BigIntegerField()),
                ("cast_at", models.DateTimeField()),
                ("superseded_at", models.DateTimeField(null=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealed_ballots",
                        to="governance.proposal",
                    ),
                ),
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealed_ballot",
                        to="governance.record",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["proposal", "id"], name="sealed_in_order")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("superseded_at__isnull", True)),
                        fields=("proposal", "voter_key"),
                        name="one_sealed_ballot_per_voter",
                    ),
                    models.UniqueConstraint(fields=("proposal", "voter", "nonce"), name="sealed_nonce_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SealingKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("keyholder", models.CharField(max_length=42)),
                ("place", models.PositiveSmallIntegerField()),
                ("public_key", models.CharField(max_length=64)),
                ("signature", models.CharField(max_length=132)),
                ("at", models.DateTimeField()),
                ("secret", models.CharField(blank=True, max_length=64)),
                ("secret_at", models.DateTimeField(null=True)),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sealing_keys",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["proposal", "place"],
                "constraints": [
                    models.UniqueConstraint(fields=("proposal", "place"), name="sealing_key_once"),
                    models.UniqueConstraint(fields=("proposal", "public_key"), name="sealing_key_of_one"),
                ],
            },
        ),
    ]
