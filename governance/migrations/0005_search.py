"""The index of everything that can be found."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0004_notifications")]
    operations = []
