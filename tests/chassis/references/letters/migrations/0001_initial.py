from django.db import migrations, models

from strangler.chassis.references import hosted_dependencies, reference


class Migration(migrations.Migration):
    initial = True
    dependencies = hosted_dependencies(("people", "0001_initial"))
    operations = [
        migrations.CreateModel(
            name="Letter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("person", reference("people.Person", related_name="letters")),
                ("copy", reference("people.Person", null=True)),
                ("text", models.CharField(max_length=50)),
            ],
        ),
        migrations.CreateModel(
            name="Stamp",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "owner",
                    reference("people.Person", db_column="Holder", unique=True, verbose_name="who has it"),
                ),
                (
                    "licker",
                    reference("people.Person", null=True, blank=True, help_text="if anybody", default=1),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("person", reference("people.Person")),
                ("seal", reference("people.Seal", null=True, key=models.UUIDField())),
                ("text", models.CharField(default="", max_length=50)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("person", "text"), name="one_parcel")],
            },
        ),
    ]
