"""Shared computing: requests and allotments, voted policies, words for newcomers, spot checks of sites."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables of the compute commons."""

    dependencies = [
        ("governance", "0007_mirrors"),
        ("training_jobs", "0003_ledger"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="currency",
            field=models.CharField(default="EUR", max_length=3),
        ),
        migrations.CreateModel(
            name="ComputePolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.JSONField()),
                ("adopted_at", models.DateTimeField()),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compute_policies",
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
                "verbose_name_plural": "compute policies",
                "ordering": ["-adopted_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="ComputeRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64, unique=True)),
                ("origin", models.CharField(choices=[("voted", "voted"), ("sandbox", "sandbox")], max_length=8)),
                ("member", models.CharField(max_length=42)),
                ("slot", models.PositiveSmallIntegerField(default=0)),
                ("requested_at", models.DateTimeField()),
                ("devices", models.PositiveIntegerField()),
                ("memory_bytes", models.PositiveBigIntegerField()),
                ("seconds", models.PositiveIntegerField()),
                ("data", models.JSONField(default=list)),
                ("ceiling", models.PositiveBigIntegerField()),
                ("slack", models.PositiveIntegerField(default=0)),
                ("tier", models.PositiveSmallIntegerField(default=0)),
                ("checkpoints", models.BooleanField(default=False)),
                ("newcomer", models.BooleanField(default=False)),
                ("waiting_since", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=10)),
                ("reason", models.CharField(blank=True, max_length=40)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="compute_requests",
                        to="governance.community",
                    ),
                ),
                (
                    "preview",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="request",
                        to="training_jobs.preview",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="training_jobs.run",
                    ),
                ),
            ],
            options={
                "ordering": ["requested_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Allotment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("allotted_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("why", models.CharField(max_length=20)),
                ("lent", models.BooleanField(default=False)),
                ("price", models.PositiveBigIntegerField()),
                ("grams_per_kwh", models.PositiveIntegerField(null=True)),
                ("grams_per_kwh_at_once", models.PositiveIntegerField(null=True)),
                ("claimed_at", models.DateTimeField(null=True)),
                ("recalled_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("how", models.CharField(blank=True, max_length=20)),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="allotments", to="training_jobs.site"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allotments",
                        to="training_jobs.computerequest",
                    ),
                ),
            ],
            options={
                "ordering": ["-allotted_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Doubt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("wrong_digest", "wrong_digest"),
                            ("too_fast", "too_fast"),
                            ("stood_alone", "stood_alone"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("evidence", models.JSONField()),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="doubts", to="training_jobs.attempt"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="doubts", to="training_jobs.site"
                    ),
                ),
            ],
            options={
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="NewcomerAttestation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("member", models.CharField(max_length=42)),
                ("peer", models.CharField(max_length=42)),
                ("kind", models.CharField(max_length=40)),
                ("reason", models.CharField(max_length=500)),
                ("attested_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_by", models.CharField(blank=True, max_length=42)),
                (
                    "community",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="newcomer_attestations",
                        to="governance.community",
                    ),
                ),
            ],
            options={
                "ordering": ["-attested_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="PolicyReplay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("of", models.CharField(max_length=64)),
                ("ordered_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("rows", models.JSONField(default=list)),
                ("about", models.JSONField(default=dict)),
                ("failure", models.CharField(blank=True, max_length=60)),
                (
                    "proposal",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policy_replay",
                        to="governance.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["ordered_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Slice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_step", models.PositiveIntegerField()),
                ("last_step", models.PositiveIntegerField()),
                ("is_final", models.BooleanField(default=False)),
                ("start_digest", models.CharField(blank=True, max_length=64)),
                ("end_digest", models.CharField(max_length=64)),
                ("claimed", models.JSONField()),
                ("handed_at", models.DateTimeField()),
                ("log_size", models.BigIntegerField()),
                ("seed", models.CharField(blank=True, max_length=64)),
                ("settled_at", models.DateTimeField(null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="slices", to="training_jobs.attempt"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="slices", to="training_jobs.site"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="SpotCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField()),
                ("ordered_at", models.DateTimeField()),
                ("seconds_max", models.PositiveIntegerField()),
                ("fence", models.PositiveIntegerField(default=0)),
                ("lease_owner", models.CharField(blank=True, max_length=120)),
                ("lease_expires_at", models.DateTimeField(null=True)),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("step", models.PositiveIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("equal", "equal"),
                            ("within", "within"),
                            ("differs", "differs"),
                            ("not_possible", "not_possible"),
                        ],
                        max_length=16,
                    ),
                ),
                ("checker", models.CharField(blank=True, max_length=120)),
                ("report", models.JSONField(default=dict)),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "slice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="checks", to="training_jobs.slice"
                    ),
                ),
            ],
            options={
                "ordering": ["ordered_at", "pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="computerequest",
            constraint=models.UniqueConstraint(fields=("run", "slot"), name="place_of_a_run_asks_once"),
        ),
        migrations.AddConstraint(
            model_name="computerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("origin", "voted"), ("preview__isnull", True), ("run__isnull", False)),
                    models.Q(("origin", "sandbox"), ("preview__isnull", False), ("run__isnull", True)),
                    _connector="OR",
                ),
                name="request_is_for_one_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="computerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("outcome", "")),
                    models.Q(("ended_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="request_ends_with_an_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="computerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("devices__gte", 1), ("seconds__gte", 1)), name="request_needs_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="allotment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)), fields=("request",), name="allotted_once_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="allotment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("how", "")),
                    models.Q(("ended_at__isnull", False), models.Q(("how", ""), _negated=True)),
                    _connector="OR",
                ),
                name="allotment_ends_somehow",
            ),
        ),
        migrations.AddConstraint(
            model_name="allotment",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("allotted_at"))), name="allotment_ends_after_it_begins"
            ),
        ),
        migrations.AddConstraint(
            model_name="doubt",
            constraint=models.UniqueConstraint(fields=("site", "attempt", "kind"), name="doubted_once_for_an_attempt"),
        ),
        migrations.AddConstraint(
            model_name="newcomerattestation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at__isnull", True)),
                fields=("community", "member", "peer"),
                name="peer_attests_once_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="newcomerattestation",
            constraint=models.CheckConstraint(
                condition=models.Q(("member", models.F("peer")), _negated=True), name="nobody_attests_themselves"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyreplay",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rows", []), models.Q(("failure", ""), ("finished_at__isnull", False)), _connector="OR"
                ),
                name="replay_has_figures_at_its_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="slice",
            constraint=models.UniqueConstraint(
                fields=("attempt", "last_step", "is_final"), name="slice_handed_over_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="slice",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_step__gt", models.F("first_step"))), name="slice_has_steps"
            ),
        ),
        migrations.AddConstraint(
            model_name="spotcheck",
            constraint=models.UniqueConstraint(fields=("slice", "number"), name="slice_checked_once"),
        ),
        migrations.AddConstraint(
            model_name="spotcheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at__isnull", True)),
                fields=("slice",),
                name="slice_checked_by_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="spotcheck",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("outcome", "")),
                    models.Q(("finished_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                    _connector="OR",
                ),
                name="spot_check_ends_with_an_outcome",
            ),
        ),
    ]
