"""As `0004_outbox_age`, for the claims: a B-tree instead of their BRIN index.

That one never forgets what a page once held. Once new rows have taken the place of old ones everywhere, it
leads to every page. It goes first: its lock is the stronger, and one that grew could end in a deadlock.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0005_received_age")]

    operations = [
        migrations.RemoveIndex("inbox", "inbox_handled"),
        migrations.AddIndex("inbox", models.Index(fields=["handled_at"], name="inbox_age")),
    ]
