"""Sites of the compute commons, who lets them in, what is measured there, and when they are busy."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """New tables, and where a machine stands."""

    dependencies = [
        ("governance", "0006_voters"),
        ("training_jobs", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True)),
                ("name", models.CharField(max_length=120)),
                ("operator", models.CharField(db_index=True, max_length=42)),
                ("region", models.CharField(max_length=40)),
                ("country", models.CharField(max_length=2)),
                ("device_kind", models.CharField(max_length=40)),
                ("devices", models.PositiveIntegerField()),
                ("memory_bytes", models.PositiveBigIntegerField()),
                ("inputs", models.JSONField()),
                ("hours_max", models.PositiveIntegerField(default=0)),
                ("data_in", models.JSONField(null=True)),
                ("data_out", models.JSONField(null=True)),
                ("commons_share_bps", models.PositiveIntegerField(default=10000)),
                ("devices_measured", models.PositiveIntegerField(default=0)),
                ("memory_measured", models.PositiveBigIntegerField(default=0)),
                ("speed_measured", models.PositiveBigIntegerField(default=0)),
                ("measured_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField(null=True)),
                ("drained_at", models.DateTimeField(null=True)),
                ("left_at", models.DateTimeField(null=True)),
                ("suspended_at", models.DateTimeField(null=True)),
                ("suspended_by", models.CharField(blank=True, max_length=42)),
                ("suspended_reason", models.TextField(blank=True)),
                ("suspended_evidence", models.JSONField(default=dict)),
                ("told", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["slug"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("commons_share_bps__gte", 1), ("commons_share_bps__lte", 10000), ("devices__gte", 1)
                        ),
                        name="site_gives_a_share",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("suspended_at__isnull", True),
                            models.Q(("suspended_reason", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="suspension_has_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("measured_at__isnull", False),
                            models.Q(("devices_measured", 0), ("memory_measured", 0), ("speed_measured", 0)),
                            _connector="OR",
                        ),
                        name="measured_figures_were_measured",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="runner",
            name="site",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="runners", to="training_jobs.site"
            ),
        ),
        migrations.CreateModel(
            name="SiteStewards",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("members", models.JSONField()),
                ("named_at", models.DateTimeField()),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="site_stewards",
                        to="governance.community",
                    ),
                ),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="governance.proposal"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "site stewards",
                "ordering": ["-named_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Busy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.CharField(max_length=255)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("devices", models.PositiveIntegerField()),
                ("summary", models.CharField(blank=True, max_length=200)),
                ("noted_at", models.DateTimeField()),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="busy", to="training_jobs.site"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "busy times",
                "ordering": ["since", "uid"],
                "indexes": [models.Index(fields=["site", "until"], name="busy_of_site_until")],
                "constraints": [
                    models.UniqueConstraint(fields=("site", "uid", "since"), name="busy_once"),
                    models.CheckConstraint(
                        condition=models.Q(("until__gt", models.F("since"))), name="busy_ends_after_it_begins"
                    ),
                    models.CheckConstraint(condition=models.Q(("devices__gte", 1)), name="busy_blocks_something"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Admission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("admitted_at", models.DateTimeField()),
                ("admitted_by", models.CharField(blank=True, max_length=42)),
                ("reason", models.TextField(blank=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("removed_by", models.CharField(blank=True, max_length=42)),
                ("removed_reason", models.TextField(blank=True)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="site_admissions",
                        to="governance.community",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.proposal",
                    ),
                ),
                (
                    "removal",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="governance.proposal",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="admissions", to="training_jobs.site"
                    ),
                ),
            ],
            options={
                "ordering": ["-admitted_at", "-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("removed_at__isnull", True)),
                        fields=("site", "community"),
                        name="admitted_once_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("proposal__isnull", True), models.Q(("admitted_by", ""), _negated=True)),
                            models.Q(("admitted_by", ""), ("proposal__isnull", False)),
                            _connector="OR",
                        ),
                        name="admission_has_one_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("removal__isnull", True), ("removed_at__isnull", True), ("removed_by", "")),
                            models.Q(
                                ("removal__isnull", True),
                                ("removed_at__isnull", False),
                                models.Q(("removed_by", ""), _negated=True),
                            ),
                            models.Q(("removal__isnull", False), ("removed_at__isnull", False), ("removed_by", "")),
                            _connector="OR",
                        ),
                        name="removal_has_one_source",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SiteMeasurement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("measured_at", models.DateTimeField()),
                ("device_kind", models.CharField(max_length=40)),
                ("devices", models.PositiveIntegerField()),
                ("memory_bytes", models.PositiveBigIntegerField()),
                ("tokens_per_second", models.PositiveBigIntegerField()),
                ("repeats", models.JSONField()),
                ("software", models.CharField(max_length=64)),
                ("benchmark", models.PositiveSmallIntegerField()),
                (
                    "runner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measurements",
                        to="training_jobs.runner",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="measurements",
                        to="training_jobs.site",
                    ),
                ),
            ],
            options={
                "ordering": ["-measured_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("devices__gte", 1), ("tokens_per_second__gte", 1)),
                        name="measured_something",
                    )
                ],
            },
        ),
    ]
