"""An index by which what is old is found. Writers wait while it is made: a second or two for a million rows.

(Made concurrently, it would wait for the next `prepare`, which waits for this one.)

A table to a migration, here and in the next two: who handles an event locks the inbox and then the outbox, and
a transaction that came to hold one while it waited for the other would be in a deadlock with them.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0003_handed_to")]

    operations = [migrations.AddIndex("outbox", models.Index(fields=["occurred_at"], name="outbox_age"))]
