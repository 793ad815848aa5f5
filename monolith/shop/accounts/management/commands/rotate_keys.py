"""`manage.py rotate_keys`: a new signing key, without logging anyone out."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from shop.accounts import tokens


class Command(BaseCommand):
    help = (
        "Publish a new signing key. It signs after --lead seconds, when every verifier has fetched it; "
        "the keys before it verify until the last token they signed has run out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--lead",
            type=int,
            default=settings.JWKS_MAX_AGE + 60,
            help="seconds between publication and first use (default: %(default)s)",
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        key = tokens.rotate(lead=timedelta(seconds=options["lead"]))
        self.stdout.write(
            f"Key {key.kid} is published and signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on."
        )
