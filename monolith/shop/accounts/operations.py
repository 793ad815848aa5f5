"""What accounts does, for its own entry points and, through the port, for other domains."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from contracts.accounts import Address, AddressNotFound, User
from shop.accounts import models, tokens

ADDRESS_FIELDS = ("id", "name", "street", "city", "postcode", "country")


def users(*, ids: list[int]) -> dict[int, User]:
    rows = models.User.objects.filter(id__in=ids).values("id", "email", "name", "is_staff")
    return {row["id"]: User(**row) for row in rows}


def address(*, user: int, address: int) -> Address:
    row = models.Address.objects.filter(user_id=user, id=address).values(*ADDRESS_FIELDS).first()
    if row is None:
        raise AddressNotFound(address=address)
    return Address(**row)


def jwks() -> dict[str, Any]:
    return tokens.published()


def register(*, email: str, password: str, name: str) -> models.User | None:
    """A new customer; None if the e-mail address is taken."""
    user = models.User(email=email.lower(), name=name)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        return None
    return user


def login(*, email: str, password: str) -> models.User | None:
    """The active user whose password this is, or None; takes the same time for unknown addresses."""
    user = models.User.objects.filter(email=email.lower()).first()
    if user is None:
        make_password(password)
        return None
    return user if user.check_password(password) and user.is_active else None


def active_user(*, user: int) -> models.User | None:
    """The user, unless deleted or deactivated."""
    return models.User.objects.filter(id=user, is_active=True).first()


def rename(*, user: int, name: str) -> models.User | None:
    """Change what the user is called; None if there is no such user any more."""
    models.User.objects.filter(id=user, is_active=True).update(name=name)
    return active_user(user=user)


def addresses(*, user: int) -> Any:
    """The user's addresses as a queryset, oldest first."""
    return models.Address.objects.filter(user_id=user).order_by("id")


def add_address(*, user: int, **fields: str) -> models.Address | None:
    """A new address of the user; None if there is no such active user any more."""
    with transaction.atomic():
        owner = models.User.objects.select_for_update(no_key=True).filter(id=user, is_active=True).first()
        return models.Address.objects.create(user=owner, **fields) if owner else None


def remove_address(*, user: int, address: int) -> bool:
    """Whether there was such an address of this user; it is gone now."""
    deleted, _ = models.Address.objects.filter(user_id=user, id=address).delete()
    return bool(deleted)
