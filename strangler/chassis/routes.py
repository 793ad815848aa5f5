"""Path converters: a path part that no row can have is a 404, not a database error."""

from typing import Any

from django.urls import register_converter

BIGINT = 2**63 - 1


class IdConverter:
    """`<id:product>`: a row's id, a positive PostgreSQL bigint."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 0 < number <= BIGINT:
            raise ValueError
        return number

    def to_url(self, value: Any) -> str:
        return str(value)


class NameConverter:
    """`<name:number>`: letters, digits, `-` and `_`, at most 64; order numbers and the like."""

    regex = "[-A-Za-z0-9_]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: Any) -> str:
        return str(value)


def register() -> None:
    """Make `<id:…>` and `<name:…>` known to Django's URL patterns; the chassis's settings call it."""
    register_converter(IdConverter, "id")
    register_converter(NameConverter, "name")
