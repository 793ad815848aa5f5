"""Indexes by which what is old is found, made while others write. A run that was interrupted can be repeated.

B-trees: a BRIN index, which claims had, never forgets what a page once held. Once new rows have taken the place
of old ones everywhere, it leads to every page.
"""

from django.db import migrations, models

BRIN = "CREATE INDEX CONCURRENTLY inbox_handled ON events_inbox USING brin (handled_at) WITH (autosummarize = on)"


def index(model: str, field: str, name: str) -> migrations.SeparateDatabaseAndState:
    drop = f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    create = f"CREATE INDEX CONCURRENTLY {name} ON events_{model} ({field})"
    return migrations.SeparateDatabaseAndState(
        [migrations.RunSQL([drop, create], drop)],
        [migrations.AddIndex(model, models.Index(fields=[field], name=name))],
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0003_handed_to")]

    operations = [
        index("outbox", "occurred_at", "outbox_age"),
        index("received", "received_at", "received_age"),
        index("inbox", "handled_at", "inbox_age"),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS inbox_handled", BRIN)],
            [migrations.RemoveIndex("inbox", "inbox_handled")],
        ),
    ]
