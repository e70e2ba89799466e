"""Mirrors: what another site published of a community, kept as it came once it was shown to be what was signed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of mirrors."""

    dependencies = [
        ("governance", "0006_voters"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mirror",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                ("address", models.CharField(max_length=300)),
                ("community", models.SlugField()),
                ("origin", models.CharField(max_length=400)),
                ("public_key", models.CharField(max_length=64)),
                ("key_was_given", models.BooleanField()),
                ("size", models.BigIntegerField(default=0)),
                ("began_at", models.DateTimeField()),
                ("asked_at", models.DateTimeField(null=True)),
                ("stopped", models.CharField(blank=True, max_length=40)),
                ("detail", models.CharField(blank=True, max_length=600)),
            ],
        ),
        migrations.CreateModel(
            name="MirroredCheckpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("size", models.BigIntegerField()),
                ("note", models.TextField()),
                ("seen_at", models.DateTimeField()),
                ("forked", models.BooleanField(default=False)),
                (
                    "mirror",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checkpoints",
                        to="governance.mirror",
                    ),
                ),
            ],
            options={
                "ordering": ["-size", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("forked", False)),
                        fields=("mirror", "size"),
                        name="mirrored_checkpoint_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MirroredDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sha256", models.CharField(max_length=64)),
                ("place", models.CharField(blank=True, max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[("wanted", "Wanted"), ("kept", "Kept"), ("absent", "Absent"), ("refused", "Refused")],
                        default="wanted",
                        max_length=10,
                    ),
                ),
                ("text", models.TextField(blank=True)),
                ("detail", models.CharField(blank=True, max_length=300)),
                (
                    "mirror",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="documents",
                        to="governance.mirror",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["mirror", "state"], name="governance__mirror__775014_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("mirror", "sha256", "place"), name="mirrored_document_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state", "kept"), ("text", ""), _connector="OR"),
                        name="mirrored_text_if_kept",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MirroredEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.BigIntegerField()),
                ("leaf", models.TextField()),
                (
                    "mirror",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="entries",
                        to="governance.mirror",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("mirror", "position"), name="mirrored_entry_once")],
            },
        ),
        migrations.CreateModel(
            name="MirroredNode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.PositiveSmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
                (
                    "mirror",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="nodes",
                        to="governance.mirror",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("mirror", "level", "index"), name="mirrored_node_once")
                ],
            },
        ),
    ]
