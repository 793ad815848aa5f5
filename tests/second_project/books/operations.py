"""What can be done with books."""

from django.db import transaction

from tests.second_project.books.contract import Book as BookData
from tests.second_project.books.models import Book


def books(*, ids: list[int]) -> dict[int, BookData]:
    found = Book.objects.filter(pk__in=ids).prefetch_related("authors")
    return {
        book.pk: BookData(book.pk, book.title, book.pages, sorted(a.name for a in book.authors.all()))
        for book in found
    }


@transaction.atomic
def add(*, title: str, isbn: str) -> int:
    """A new book, or the one that has this number already."""
    book, _ = Book.objects.get_or_create(isbn=isbn, defaults={"title": title})
    return book.pk


@transaction.atomic
def count_pages(*, book: int, more: int) -> int:
    """So many pages more; how many that makes."""
    found = Book.objects.select_for_update().get(pk=book)
    found.pages += more
    found.save()
    return found.pages
