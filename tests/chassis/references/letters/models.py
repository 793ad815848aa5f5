"""A letter to somebody."""

from django.db import models

from strangler.chassis.references import reference


class Letter(models.Model):
    person = reference("people.Person", related_name="letters")
    copy = reference("people.Person", null=True)
    text = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.text
