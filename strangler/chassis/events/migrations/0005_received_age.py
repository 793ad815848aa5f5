"""As `0004_outbox_age`, for what came from other hosts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0004_outbox_age")]

    operations = [migrations.AddIndex("received", models.Index(fields=["received_at"], name="received_age"))]
