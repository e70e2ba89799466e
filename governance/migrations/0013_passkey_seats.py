"""Seats that a passkey holds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Seats that a passkey holds, and signatures as long as a passkey's."""

    dependencies = [("governance", "0012_on_chain")]
    operations = [
        migrations.CreateModel(
            name="PasskeySeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("credential", models.CharField(max_length=1400, unique=True)),
                ("address", models.CharField(max_length=42, unique=True)),
                ("public_key", models.CharField(max_length=130)),
                ("made_at", models.DateTimeField()),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AlterField(model_name="delegation", name="signature", field=models.TextField()),
        migrations.AlterField(model_name="sponsorship", name="signature", field=models.TextField()),
    ]
