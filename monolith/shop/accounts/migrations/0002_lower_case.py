from django.db import migrations, models
from django.db.models.functions import Lower

import shop.accounts.models

LOWER = "UPDATE accounts_user SET email = lower(email) WHERE email <> lower(email)"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="loginattempts",
            name="subject",
            field=models.CharField(
                help_text="SHA-256 of client and e-mail", max_length=64, primary_key=True, serialize=False
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                max_length=254, unique=True, validators=[shop.accounts.models.deliverable]
            ),
        ),
        migrations.RunSQL(LOWER, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", Lower("email"))), name="user_email_lower"
            ),
        ),
    ]
