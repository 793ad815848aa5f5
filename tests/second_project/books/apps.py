"""The domain's app."""

from strangler.chassis.domains import DomainConfig


class BooksConfig(DomainConfig):
    name = "tests.second_project.books"
    label = "books"
    contract = "tests.second_project.books.contract"
