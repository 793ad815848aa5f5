"""Indexes by which what is old is found. Writers wait while they are made: a second or two for a million rows.

(Made concurrently, they would wait for the next `prepare`, which waits for this one.)

B-trees: a BRIN index, which claims had, never forgets what a page once held. Once new rows have taken the
place of old ones everywhere, it leads to every page.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_handed_to")]

    operations = [
        migrations.AddIndex("outbox", models.Index(fields=["occurred_at"], name="outbox_age")),
        migrations.AddIndex("received", models.Index(fields=["received_at"], name="received_age")),
        migrations.AddIndex("inbox", models.Index(fields=["handled_at"], name="inbox_age")),
        migrations.RemoveIndex("inbox", "inbox_handled"),
    ]
