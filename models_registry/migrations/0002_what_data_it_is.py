"""Datasets say what kinds of data they are, and in which country their rows are kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Rules of sites are about both."""

    dependencies = [
        ("models_registry", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="country",
            field=models.CharField(blank=True, default="", max_length=2),
        ),
        migrations.AddField(
            model_name="dataset",
            name="data_kinds",
            field=models.JSONField(default=list),
        ),
    ]
