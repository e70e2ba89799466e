"""People who follow without a wallet, their ways to sign in, and what they follow."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


def _number():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def _one(model, **kept):
    return models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=model, **kept)


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0002_evidence_is_append_only")]
    operations = [
        migrations.CreateModel(
            name="PasskeyChallenge",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("purpose", models.CharField(max_length=8)),
                ("session", models.CharField(max_length=64)),
                ("handle", models.CharField(blank=True, max_length=64)),
                ("network", models.CharField(db_index=True, max_length=32)),
                ("asked_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Reader",
            fields=[
                ("id", _number()),
                ("handle", models.CharField(max_length=64, unique=True)),
                ("stamp", models.CharField(max_length=32)),
                ("address", models.CharField(max_length=42, null=True, unique=True)),
                ("email", models.CharField(max_length=254, null=True, unique=True)),
                ("email_confirmed_at", models.DateTimeField(null=True)),
                ("language", models.CharField(max_length=10)),
                ("created_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(email__isnull=True, email_confirmed_at__isnull=True)
                        | Q(email__isnull=False, email_confirmed_at__isnull=False),
                        name="email_is_confirmed",
                    ),
                    models.CheckConstraint(condition=~Q(address="") & ~Q(email=""), name="missing_is_null"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", _number()),
                ("credential", models.CharField(max_length=1400, unique=True)),
                ("handle", models.CharField(max_length=64)),
                ("public_key", models.BinaryField()),
                ("sign_count", models.BigIntegerField()),
                ("name", models.CharField(max_length=60)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("reader", _one("governance.reader", related_name="passkeys")),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("purpose", models.CharField(max_length=8)),
                ("email", models.CharField(db_index=True, max_length=254)),
                ("language", models.CharField(max_length=10)),
                ("network", models.CharField(db_index=True, max_length=32)),
                ("asked_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("reader", _one("governance.reader", null=True, related_name="links")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(purpose="join", reader__isnull=True) | Q(purpose="add", reader__isnull=False),
                        name="link_has_a_purpose",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Follow",
            fields=[
                ("id", _number()),
                ("model_name", models.CharField(blank=True, max_length=200)),
                ("since", models.DateTimeField()),
                ("community", _one("governance.community", related_name="+")),
                ("proposal", _one("governance.proposal", null=True, related_name="+")),
                ("reader", _one("governance.reader", related_name="follows")),
            ],
            options={
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(proposal__isnull=True) | Q(model_name=""), name="follows_one_thing"
                    ),
                    models.UniqueConstraint(
                        fields=["reader", "community"],
                        condition=Q(proposal__isnull=True, model_name=""),
                        name="community_followed_once",
                    ),
                    models.UniqueConstraint(
                        fields=["reader", "proposal"],
                        condition=Q(proposal__isnull=False),
                        name="proposal_followed_once",
                    ),
                    models.UniqueConstraint(
                        fields=["reader", "model_name"], condition=~Q(model_name=""), name="model_followed_once"
                    ),
                ],
            },
        ),
    ]
