"""Statements that people agree or disagree with, and their answers."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of statements."""

    dependencies = [
        ("governance", "0008_deliberation"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consultation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("author", models.CharField(max_length=42)),
                ("question", models.CharField(max_length=200)),
                ("text", models.TextField(blank=True)),
                ("opens_at", models.DateTimeField()),
                ("closes_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(null=True)),
                ("recount_at", models.DateTimeField(null=True)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consultations",
                        to="governance.community",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consultation",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
            },
        ),
        migrations.CreateModel(
            name="ConsultationResult",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("body", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "consultation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="result", to="governance.consultation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Participant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("holds_votes", models.BooleanField(null=True)),
                ("answers", models.JSONField(default=dict)),
                ("counted", models.BooleanField(default=False)),
                (
                    "consultation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participants",
                        to="governance.consultation",
                    ),
                ),
                (
                    "reader",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participations",
                        to="governance.reader",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("text", models.CharField(max_length=200)),
                ("normal", models.CharField(max_length=400)),
                ("seed", models.BooleanField(default=False)),
                ("at", models.DateTimeField()),
                ("hidden_at", models.DateTimeField(null=True)),
                ("hidden_by", models.CharField(blank=True, max_length=42)),
                ("hidden_rule", models.CharField(blank=True, max_length=20)),
                ("hidden_reason", models.CharField(blank=True, max_length=500)),
                ("appeal", models.CharField(blank=True, max_length=500)),
                ("appealed_at", models.DateTimeField(null=True)),
                ("appeal_answer", models.CharField(blank=True, max_length=500)),
                ("appeal_answered_by", models.CharField(blank=True, max_length=42)),
                ("appeal_answered_at", models.DateTimeField(null=True)),
                ("restored_at", models.DateTimeField(null=True)),
                (
                    "consultation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="statements",
                        to="governance.consultation",
                    ),
                ),
                (
                    "writer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="statements",
                        to="governance.reader",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
            },
        ),
        migrations.AddConstraint(
            model_name="consultation",
            constraint=models.UniqueConstraint(fields=("community", "number"), name="consultation_number_once"),
        ),
        migrations.AddConstraint(
            model_name="consultation",
            constraint=models.CheckConstraint(
                condition=models.Q(("opens_at__lt", models.F("closes_at"))), name="consultation_opens_first"
            ),
        ),
        migrations.AddConstraint(
            model_name="participant",
            constraint=models.UniqueConstraint(fields=("consultation", "reader"), name="participant_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("consultation", "number"), name="statement_number_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.UniqueConstraint(fields=("consultation", "normal"), name="statement_once"),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("hidden_at__isnull", False),
                    models.Q(("appealed_at__isnull", True), ("restored_at__isnull", True)),
                    _connector="OR",
                ),
                name="only_hidden_is_appealed",
            ),
        ),
        migrations.AddConstraint(
            model_name="statement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("appealed_at__isnull", False), ("appeal_answered_at__isnull", True), _connector="OR"
                ),
                name="appealed_before_answered",
            ),
        ),
    ]
