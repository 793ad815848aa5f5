"""Which owner has been given what was left here. PostgreSQL notes the default and writes no row anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0002_claim")]

    operations = [
        migrations.AddField(
            model_name=model,
            name="handed_to",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        )
        for model in ("outbox", "received")
    ]
