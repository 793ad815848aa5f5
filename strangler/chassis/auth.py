"""Who is calling: access tokens verified against the identity domain's published keys.

Every host verifies tokens by itself (JSON Web Tokens, RFC 7519, signed RS256) and asks nobody: the
user is what the token says (`TokenUser`). Keys come as a JSON Web Key Set (RFC 7517) from the port that
Django's setting `JWKS_PORT` names (its `jwks` query), and are kept for `JWKS_MAX_AGE` seconds. A token with
an unknown `kid` makes the set be fetched anew, at most once a second, so that strangers' key ids cannot be
used to flood the source. A source that is down, or does not answer, leaves the known keys in use; where there
are none yet, what it failed with is the answer to everybody for a second.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import jwt
import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

logger = logging.getLogger(__name__)

ALGORITHM = "RS256"
REQUIRED = ["sub", "email", "name", "staff", "type", "iat", "exp", "iss", "aud"]


class TokenUser(msgspec.Struct, frozen=True, kw_only=True):
    """The caller as the access token describes them; has what DRF and Django ask of a user."""

    id: int
    email: str
    name: str
    is_staff: bool
    is_active: bool = True
    is_anonymous: bool = False
    is_authenticated: bool = True

    @property
    def pk(self) -> int:
        return self.id


class InvalidToken(Exception):
    """The token is malformed, expired, of another kind, or not signed by a known key."""


class JWKSCache:
    """The identity domain's public keys by key id, fetched when needed.

    `max_age`: seconds after which the set is fetched anew. `min_interval`: seconds from a fetch that
    failed, or that an unknown key id caused, to the next one.
    """

    def __init__(
        self,
        source: Callable[[], dict[str, Any]],
        *,
        max_age: float = 300.0,
        min_interval: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._max_age = max_age
        self._min_interval = min_interval
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._failed: Exception | None = None
        self._stale_at = 0.0
        self._again_at = 0.0

    def key(self, kid: str) -> Any:
        """The public key of this id, or None. Raises what the source raised last if there are no keys yet."""
        key = self._keys.get(kid)
        if key is not None and self._clock() < self._stale_at:
            return key
        # Somebody fetches already, for as long as the source takes: who has a key goes on with it.
        if not self._lock.acquire(blocking=key is None):
            return key
        try:
            now = self._clock()
            stale = now >= self._stale_at
            if (stale or kid not in self._keys) and now >= self._again_at:
                self._fetch(for_stranger=not stale)
            if self._failed is not None:
                raise self._failed.with_traceback(None)  # the log has it, and each raise would add to it
            return self._keys.get(kid)
        finally:
            self._lock.release()

    def _fetch(self, *, for_stranger: bool) -> None:
        try:
            keys = {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in self._source()["keys"]}
        except Exception as error:
            logger.exception("Key set not fetched; %d known keys stay in use", len(self._keys))
            self._failed = None if self._keys else error
            self._again_at = self._clock() + self._min_interval
        else:
            now = self._clock()
            self._keys, self._stale_at, self._failed = keys, now + self._max_age, None
            self._again_at = now + self._min_interval if for_stranger else now


_cache: JWKSCache | None = None


def jwks_cache() -> JWKSCache:
    """This process's key cache, over the source that the setting `JWKS_PORT` names."""
    global _cache
    if _cache is None:
        _cache = JWKSCache(import_string(settings.JWKS_PORT).jwks, max_age=settings.JWKS_MAX_AGE)
    return _cache


def reset_jwks_cache() -> None:
    """Forget the cached keys; for tests, and after a fork."""
    global _cache
    _cache = None


def decode(token: str, *, kind: str) -> dict[str, Any]:
    """The claims of a valid token of this kind (`access` or `refresh`); raises InvalidToken."""
    try:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise InvalidToken
        key = jwks_cache().key(kid)
        if key is None:
            raise InvalidToken
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=settings.JWT_ISSUER,
            audience=settings.JWT_AUDIENCE,
            leeway=settings.JWT_LEEWAY,
            options={"require": REQUIRED, "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, UnicodeError, ValueError) as error:
        raise InvalidToken from error
    if claims["type"] != kind:
        raise InvalidToken
    return claims


def verify(token: str) -> TokenUser:
    """The user that a valid access token names; raises InvalidToken."""
    claims = decode(token, kind="access")
    try:
        return TokenUser(
            id=int(claims["sub"]),
            email=str(claims["email"]),
            name=str(claims["name"]),
            is_staff=claims["staff"] is True,
        )
    except ValueError as error:
        raise InvalidToken from error


class JWTAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>` (RFC 6750); sets `request.user` to a TokenUser."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[TokenUser, str] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return verify(token.strip()), token
        except InvalidToken:
            raise exceptions.AuthenticationFailed("The access token is not valid or has expired.") from None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def caller(request: Request) -> TokenUser:
    """The user of a request that needed one."""
    return cast(TokenUser, request.user)


class IsStaff(BasePermission):
    """Only members of staff, as their access token says."""

    message = "Only staff may do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(getattr(request.user, "is_staff", False))
