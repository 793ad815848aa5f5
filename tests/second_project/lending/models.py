"""Loans, each of a book of the other domain."""

from django.db import models

from strangler.chassis.references import reference


class Loan(models.Model):
    book = reference("books.Book")
    reader = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.reader
