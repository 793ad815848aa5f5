"""Signing keys and the tokens that they sign (RS256; RFC 7515, 7517, 7519).

Rotation logs nobody out: a new key is published some time before it signs, so that every verifier knows it
by then, and an old one verifies until the last token it signed has run out. A key that has leaked is revoked
instead, which logs everybody out.
"""

import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

import jwt
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from shop.accounts.models import SigningKey, User
from strangler.chassis.auth import ALGORITHM

ROTATION_LOCK = 0x6B657973
"""PostgreSQL advisory lock that lets one process at a time make keys."""


def issue(*, user: User, kind: str) -> str:
    """A signed token of this kind, `access` or `refresh`."""
    now = timezone.now()
    seconds = settings.JWT_ACCESS_SECONDS if kind == "access" else settings.JWT_REFRESH_SECONDS
    key = _signer(now)
    claims: dict[str, Any] = {
        "sub": str(user.pk),
        "email": user.email,
        "name": user.name,
        "staff": user.is_staff,
        "type": kind,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + seconds,
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
    }
    if kind == "refresh":
        claims["password"] = _of_password(user)
    return jwt.encode(claims, _private(key.private_key), algorithm=ALGORITHM, headers={"kid": key.kid})


def refreshes(*, user: User, claims: dict[str, Any]) -> bool:
    """Whether a refresh token with these claims still stands for its user: a new password ends them all."""
    return claims.get("password") == _of_password(user)


def _of_password(user: User) -> str:
    """Another one for every password set; says nothing about it, for the stored hash has a salt."""
    return sha256(user.password.encode()).hexdigest()[:16]


def published() -> dict[str, Any]:
    """The JSON Web Key Set: keys that sign, that are about to, and that still verify."""
    unended = Q(verifies_until=None) | Q(verifies_until__gt=timezone.now())
    keys = SigningKey.objects.filter(unended).order_by("id")
    return {"keys": list(keys.values_list("public_jwk", flat=True))}


def make_first() -> None:
    """Make the first key, unless there is one that signs."""
    _signer(timezone.now())


def rotate(*, lead: timedelta) -> SigningKey:
    """Publish a new key that signs after `lead`; the others verify until their tokens have run out.

    `lead` has to exceed the time for which verifiers keep the key set (JWKS_MAX_AGE), or those that
    cannot fetch it at once refuse the first new tokens.
    """
    now = timezone.now()
    with transaction.atomic():
        _lock()
        signs_from = now + lead
        until = signs_from + timedelta(seconds=settings.JWT_REFRESH_SECONDS + 2 * settings.JWT_LEEWAY)
        SigningKey.objects.filter(verifies_until=None).update(verifies_until=until)
        SigningKey.objects.filter(verifies_until__lt=now).delete()
        return _create(signs_from)


def revoke() -> SigningKey:
    """Take all keys out of the key set, with whatever they signed, and make one that signs from now on.

    Verifiers notice when they next fetch the set: within JWKS_MAX_AGE, or as the first token of the new key
    comes.
    """
    with transaction.atomic():
        _lock()
        SigningKey.objects.all().delete()
        return _create(timezone.now())


def _signer(now: datetime) -> SigningKey:
    key = SigningKey.objects.filter(signs_from__lte=now).order_by("-id").first()
    if key is not None:
        return key
    with transaction.atomic():
        _lock()
        key = SigningKey.objects.filter(signs_from__lte=now).order_by("-id").first()
        return key or _create(now)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ROTATION_LOCK])


def _create(signs_from: datetime) -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kid = secrets.token_hex(8)
    public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(private.public_key(), as_dict=True)
    return SigningKey.objects.create(
        kid=kid,
        private_key=Fernet(settings.CONFIG_KEY).encrypt(pem).decode(),
        public_jwk={**public, "kid": kid, "alg": ALGORITHM, "use": "sig"},
        signs_from=signs_from,
    )


@lru_cache(maxsize=8)
def _private(encrypted: str) -> Any:
    try:
        pem = Fernet(settings.CONFIG_KEY).decrypt(encrypted.encode())
    except InvalidToken:
        raise ImproperlyConfigured(
            "The signing key in the database was encrypted with another CONFIG_KEY. Start with the old "
            "CONFIG_KEY, or delete the rows of accounts_signingkey (which logs everybody out)."
        ) from None
    return serialization.load_pem_private_key(pem, password=None)
