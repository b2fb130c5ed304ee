from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("web", "0001_tokens"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="applications",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.CharField(default="read submit manage account admin", max_length=100),
        ),
    ]
