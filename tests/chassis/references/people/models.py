"""Somebody."""

import uuid

from django.db import models


class Person(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Seal(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.id)
