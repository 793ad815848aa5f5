"""What can be done with loans."""

from tests.second_project.books.contract import books
from tests.second_project.lending.models import Loan


def loans(*, book: int) -> int:
    return Loan.objects.filter(book_id=book).count()


def lend(*, book: int, reader: str) -> int:
    return Loan.objects.create(book_id=book, reader=reader).pk


def title(*, book: int) -> str | None:
    found = books.books(ids=[book])
    return found[book].title if book in found else None
