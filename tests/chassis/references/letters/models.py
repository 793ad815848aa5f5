"""A letter to somebody."""

from django.db import models

from strangler.chassis.references import reference


class Letter(models.Model):
    person = reference("people.Person", related_name="letters")
    copy = reference("people.Person", null=True)
    text = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.text


class Stamp(models.Model):
    """The one of somebody, in a table that was there before; who licked it need not be known."""

    owner = reference("people.Person", db_column="Holder", unique=True, verbose_name="who has it")
    licker = reference("people.Person", null=True, blank=True, help_text="if anybody", default=1)

    def __str__(self) -> str:
        return f"{self.pk}"


class Parcel(models.Model):
    """One of a kind for somebody, and sealed."""

    person = reference("people.Person")
    seal = reference("people.Seal", null=True, key=models.UUIDField())
    text = models.CharField(max_length=50, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "text"], name="one_parcel")]

    def __str__(self) -> str:
        return self.text
