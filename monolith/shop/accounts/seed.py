"""One member of staff and fifty customers, all with the same documented password."""

from django.contrib.auth.hashers import make_password

from shop.accounts import tokens
from shop.accounts.models import Address, User

PASSWORD = "correct-horse-battery"  # noqa: S105 (documented logins of a local shop)
STAFF = "staff@shop.example"
CUSTOMERS = 50
FIRST = ["Ada", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas"]
LAST = ["Albrecht", "Brandt", "Costa", "Dahl", "Eriksen"]
STREETS = ["Lindenweg", "Hafenstraße", "Am Markt", "Rue du Lac", "Via Roma"]
CITIES = [
    ("Hamburg", "20095", "DE"),
    ("Wien", "1010", "AT"),
    ("Lyon", "69001", "FR"),
    ("Bergen", "5003", "NO"),
]


def seed() -> str:
    """Create who is missing; users who are there stay as they are."""
    wanted = {_email(number): _name(number) for number in range(1, CUSTOMERS + 1)} | {STAFF: "Sam Staff"}
    known = set(User.objects.filter(email__in=wanted).values_list("email", flat=True))
    missing = {email: name for email, name in wanted.items() if email not in known}
    if missing:
        password = make_password(PASSWORD)  # one hash for all: the password is no secret, and hashing is slow
        User.objects.bulk_create(
            (
                User(email=email, name=name, password=password, is_staff=staff, is_superuser=staff)
                for email, name in missing.items()
                for staff in [email == STAFF]
            ),
            ignore_conflicts=True,
        )
    homeless = User.objects.filter(email__in=wanted, addresses=None).order_by("id")
    Address.objects.bulk_create(_address(user) for user in homeless)
    tokens.make_first()  # or the first logins of all would wait for it in a row
    return f"{len(wanted)} users, {len(missing)} of them new"


def _email(number: int) -> str:
    return f"customer-{number:03d}@shop.example"


def _name(number: int) -> str:
    return f"{FIRST[number % len(FIRST)]} {LAST[number // len(FIRST) % len(LAST)]}"


def _address(user: User) -> Address:
    number = sum(map(ord, user.email))
    city, postcode, country = CITIES[number % len(CITIES)]
    street = f"{STREETS[number % len(STREETS)]} {number % 90 + 1}"
    return Address(user=user, name=user.name, street=street, city=city, postcode=postcode, country=country)
