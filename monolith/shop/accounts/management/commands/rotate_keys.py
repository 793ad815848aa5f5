"""`manage.py rotate_keys`: a new signing key, without logging anyone out; after a leak, with just that."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from shop.accounts import tokens


class Command(BaseCommand):
    help = (
        "Publish a new signing key. It signs after --lead seconds, when every verifier has fetched it; "
        "the keys before it verify until the last token they signed has run out, unless they are revoked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        when = parser.add_mutually_exclusive_group()
        when.add_argument(
            "--revoke",
            action="store_true",
            help="end the keys before it, for one has leaked: it signs at once, and everybody logs in anew",
        )
        when.add_argument(
            "--lead",
            type=int,
            default=settings.JWKS_MAX_AGE + 60,
            help="seconds between publication and first use (default: %(default)s)",
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        if options["revoke"]:
            self.stdout.write(
                f"Key {tokens.revoke().kid} signs from now on, and no other is published. What they signed "
                f"is refused within {settings.JWKS_MAX_AGE} s by each process that can fetch the keys."
            )
            return
        key = tokens.rotate(lead=timedelta(seconds=options["lead"]))
        self.stdout.write(
            f"Key {key.kid} is published and signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on."
        )
