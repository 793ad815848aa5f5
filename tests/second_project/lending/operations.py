"""What can be done with loans."""

from tests.second_project.lending.models import Loan


def loans(*, book: int) -> int:
    return Loan.objects.filter(book_id=book).count()


def lend(*, book: int, reader: str) -> int:
    return Loan.objects.create(book_id=book, reader=reader).pk
