"""Governing by contract and anchoring on a chain."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of chain events and anchors."""

    dependencies = [
        ("governance", "0011_sealed"),
    ]

    operations = [
        migrations.CreateModel(
            name="Contract",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("governor", models.CharField(max_length=42)),
                ("anchor", models.CharField(max_length=42)),
                ("timelock", models.CharField(max_length=42)),
                ("first_block", models.BigIntegerField()),
                ("block_number", models.BigIntegerField()),
                ("block_hash", models.CharField(max_length=66)),
                ("block_time", models.BigIntegerField()),
                ("read_at", models.DateTimeField(null=True)),
                ("halted", models.CharField(blank=True, max_length=300)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="governance.community"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContractEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("block_number", models.BigIntegerField()),
                ("block_hash", models.CharField(max_length=66)),
                ("block_time", models.BigIntegerField()),
                ("transaction", models.CharField(max_length=66)),
                ("position", models.BigIntegerField()),
                ("kind", models.CharField(max_length=20)),
                ("proposal", models.CharField(blank=True, max_length=78)),
                ("data", models.JSONField()),
                ("taken", models.BooleanField(default=False)),
                (
                    "contract",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="governance.contract",
                    ),
                ),
            ],
            options={
                "ordering": ["block_number", "position"],
            },
        ),
        migrations.CreateModel(
            name="ContractMark",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField()),
                ("hash", models.CharField(max_length=66)),
                ("time", models.BigIntegerField()),
                (
                    "contract",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="marks",
                        to="governance.contract",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
            },
        ),
        migrations.CreateModel(
            name="ContractProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("approves", models.CharField(max_length=66, unique=True)),
                ("number", models.CharField(max_length=78)),
                ("operation", models.CharField(max_length=66)),
                ("description", models.TextField()),
                ("content", models.JSONField()),
                ("offered_at", models.DateTimeField()),
                ("refused", models.CharField(blank=True, max_length=300)),
                (
                    "contract",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="proposals", to="governance.contract"
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="offers", to="governance.proposal"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(fields=("community", "governor", "anchor"), name="contract_once"),
        ),
        migrations.AddIndex(
            model_name="contractevent",
            index=models.Index(fields=["contract", "proposal"], name="contract_events_of"),
        ),
        migrations.AddIndex(
            model_name="contractevent",
            index=models.Index(
                condition=models.Q(("taken", False)),
                fields=["contract", "block_number", "position"],
                name="contract_events_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="contractevent",
            constraint=models.UniqueConstraint(
                fields=("contract", "block_number", "position"), name="contract_event_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="contractmark",
            constraint=models.UniqueConstraint(fields=("contract", "number"), name="contract_mark_once"),
        ),
        migrations.AddConstraint(
            model_name="contractproposal",
            constraint=models.UniqueConstraint(fields=("contract", "number"), name="contract_proposal_once"),
        ),
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("digest", models.CharField(max_length=64)),
                ("planned_at", models.DateTimeField()),
                ("nonce", models.BigIntegerField(null=True)),
                ("fee_wei", models.DecimalField(decimal_places=0, default=0, max_digits=30)),
                ("transaction", models.CharField(blank=True, max_length=66)),
                ("sent_at", models.DateTimeField(null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=40)),
                ("error_detail", models.CharField(blank=True, max_length=300)),
                ("posted_at", models.DateTimeField(null=True)),
                ("chain_id", models.BigIntegerField(null=True)),
                ("contract", models.CharField(blank=True, max_length=42)),
                ("block_number", models.BigIntegerField(null=True)),
                ("block_hash", models.CharField(blank=True, max_length=66)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="anchors", to="governance.community"
                    ),
                ),
                (
                    "record",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="anchor", to="governance.record"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [models.Index(fields=["next_at"], name="anchor_due")],
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "digest"), name="anchor_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("nonce__isnull", False)), fields=("nonce",), name="anchor_nonce_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_at__isnull", False), ("posted_at__isnull", True)),
                            models.Q(
                                ("block_number__isnull", False),
                                ("chain_id__isnull", False),
                                ("next_at__isnull", True),
                                ("nonce__isnull", True),
                                ("posted_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="anchor_done_or_due",
                    ),
                ],
            },
        ),
    ]
