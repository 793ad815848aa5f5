"""Books and who wrote them: a many-to-many table without a model, and ids from sequences."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=200)
    pages = models.PositiveIntegerField(default=0)
    isbn = models.CharField(max_length=20, unique=True)
    authors = models.ManyToManyField(Author)

    def __str__(self) -> str:
        return self.title
