"""Names that a resolver told, kept for a while."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Names that a resolver told, kept for a while."""

    dependencies = [("governance", "0013_passkey_seats")]
    operations = [
        migrations.CreateModel(
            name="KnownName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=42, unique=True)),
                ("name", models.CharField(blank=True, max_length=60)),
                ("picture", models.BinaryField(default=b"")),
                ("ask_again_at", models.DateTimeField(db_index=True)),
                ("told_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
