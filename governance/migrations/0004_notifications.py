"""What readers want to be told, and the letters that tell them."""

from django.db import migrations


class Migration(migrations.Migration):
    """Add the tables."""

    dependencies = [("governance", "0003_readers")]
    operations = []
