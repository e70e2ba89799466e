"""Carbon is counted after the work, hour by hour: the intensity of a moment is no longer kept for it."""

from django.db import migrations


class Migration(migrations.Migration):
    """What starting at once would have met with stands in the log now (`compute_emitted`)."""

    dependencies = [("training_jobs", "0007_reviews_by_contract_wallet")]
    operations = [migrations.RemoveField(model_name="allotment", name="grams_per_kwh_at_once")]
