"""Lists of voters that stay fast with a million ballots, and how a vote stood over time.

`in_order_of_acceptance` serves the newest ballots first; without it, each page would sort all ballots of a vote. It
only grows at its end, so it is the cheapest index that a ballot can have. `ballots_of_a_voter` serves what somebody did
in all votes: the pages of delegates, and receipts. `census_largest_first` serves who has not
voted; a census is written once.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add three indexes and a column."""

    dependencies = [("governance", "0005_search")]
    operations = [
        migrations.AddIndex(
            model_name="ballot", index=models.Index(fields=["proposal", "id"], name="in_order_of_acceptance")
        ),
        migrations.AddIndex(
            model_name="ballot", index=models.Index(fields=["voter", "proposal"], name="ballots_of_a_voter")
        ),
        migrations.AddIndex(
            model_name="censusentry",
            index=models.Index(fields=["proposal", "-power", "voter_key"], name="census_largest_first"),
        ),
        migrations.AddField(model_name="countsofar", name="over_time", field=models.JSONField(default=list)),
    ]
