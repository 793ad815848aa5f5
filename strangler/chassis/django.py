"""Django's settings for any host: what they have in common, from one place.

A host's `settings.py` says only what is its own:

    from strangler.chassis.django import host_settings

    globals().update(host_settings(package="shop", domains=["catalog"], urls="catalog.urls", …))
"""

import os
import secrets
from collections.abc import Sequence
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SERVING = ("web", "rpc", "worker", "relay")
HOSTS_NAME = "it is the host's name, in the plan, in Consul and to the other hosts"
KEEPING = ("web", "worker")
STATEMENT_TIMEOUT_MS = 8_000
LOCK_TIMEOUT_MS = 3_000


def required(name: str, purpose: str) -> str:
    """The environment variable's value; without one, an error that says what it is for."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set: {purpose}. Set it in the environment and start again."
        )
    return value


def host_settings(
    *,
    package: str,
    domains: Sequence[str],
    urls: str,
    wsgi: str,
    title: str,
    user_model: str = "",
    jwks_port: str,
    issuer: str,
    admin: bool = False,
    atomic_requests: bool = False,
) -> dict[str, Any]:
    """Django's settings of a host that runs these domains, apps of the package `package` (empty: of none).

    `user_model`: where users live; a host without one has none of Django's tables of users, rights and
    sessions, keeps no secret, and knows its callers by their tokens alone. `admin`: with Django's admin.
    `jwks_port`: dotted path of the port whose `jwks` query gives the keys that tokens are signed with.
    `issuer`: issuer and audience of the tokens. `atomic_requests`: a transaction for each request, for code
    that was written with Django's ATOMIC_REQUESTS.
    """
    from strangler.chassis import routes

    routes.register()
    admin_apps = [
        "django.contrib.admin",
        "django.contrib.sessions",
        "django.contrib.messages",
        "whitenoise.runserver_nostatic",
        "django.contrib.staticfiles",
    ]
    admin_middlewares = [
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "strangler.chassis.admin.AdminSession",
        "strangler.chassis.admin.AdminCsrf",
        "strangler.chassis.admin.AdminLogin",
        "strangler.chassis.admin.AdminMessages",
        "strangler.chassis.admin.AdminFrames",
    ]
    return {
        **(_secrets() if user_model else {"SECRET_KEY": secrets.token_hex(32)}),
        "DOMAINS": list(domains),
        "DEBUG": False,
        "LOGGING_CONFIG": None,
        "ALLOWED_HOSTS": [h for h in os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost").split(",") if h],
        "ROOT_URLCONF": urls,
        "WSGI_APPLICATION": wsgi,
        "APPEND_SLASH": False,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LANGUAGE_CODE": "en",
        "USE_I18N": False,
        "INSTALLED_APPS": [
            *(["django.contrib.contenttypes", "django.contrib.auth"] if user_model else []),
            *(admin_apps if admin else []),
            "rest_framework",
            "drf_spectacular",
            "drf_standardized_errors",
            "strangler.chassis",
            "strangler.chassis.events",
            *(f"{package}.{domain}".removeprefix(".") for domain in domains),
        ],
        "MIDDLEWARE": [
            "strangler.chassis.lengths.content_length",
            "django.middleware.security.SecurityMiddleware",
            *(admin_middlewares if admin else []),
            "strangler.chassis.shadow.Reads",
            "strangler.chassis.forwarding.Forwarding",
        ],
        "TEMPLATES": _templates() if admin else [],
        "DATABASES": {
            "default": database(required("DATABASE_URL", "it says where PostgreSQL is"))
            | {"ATOMIC_REQUESTS": atomic_requests}
        },
        **({"AUTH_USER_MODEL": user_model, "AUTH_PASSWORD_VALIDATORS": _passwords()} if user_model else {}),
        "PASSWORD_HASHERS": ["strangler.chassis.passwords.Argon2"],
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1024 * 1024,
        "CSRF_FAILURE_VIEW": "strangler.chassis.problems.csrf_failure",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/admin/",
        "CSRF_COOKIE_PATH": "/admin/",
        **dict.fromkeys(("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"), _behind_tls()),
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "SILENCED_SYSTEM_CHECKS": [
            # TLS ends before the gateway, if there is any (PUBLIC_SCHEME), and whoever ends it redirects.
            "security.W004",
            "security.W008",
            "security.W012",
            "security.W016",
        ],
        "JWKS_PORT": jwks_port,
        "JWKS_MAX_AGE": 300,
        "JWT_ISSUER": issuer,
        "JWT_AUDIENCE": issuer,
        "JWT_LEEWAY": 5,
        "JWT_ACCESS_SECONDS": 600,
        "JWT_REFRESH_SECONDS": 7 * 24 * 3600,
        **mail(os.environ.get("SMTP_URL", "smtp://127.0.0.1:2525")),
        "REST_FRAMEWORK": rest_framework(proxies=_proxies(), users=bool(user_model)),
        "DRF_STANDARDIZED_ERRORS": {"EXCEPTION_HANDLER_CLASS": "strangler.chassis.problems.Handler"},
        "SPECTACULAR_SETTINGS": {
            "TITLE": title,
            "VERSION": "1.0.0",
            "SERVE_INCLUDE_SCHEMA": False,
            "SERVE_PERMISSIONS": [],
            "SERVE_AUTHENTICATION": [],
            "COMPONENT_SPLIT_REQUEST": True,
            "SCHEMA_PATH_PREFIX": "/api/",
            "AUTHENTICATION_WHITELIST": ["strangler.chassis.auth.JWTAuthentication"],
            # Choices stay where they are used: two domains may each have a `status` of their own.
            "POSTPROCESSING_HOOKS": [],
            "PATH_CONVERTER_OVERRIDES": routes.DESCRIPTIONS,
        },
    }


def _behind_gateway() -> bool:
    """Who starts the host says so: Consul, and a client's headers, are there without a gateway too."""
    told = os.environ.get("BEHIND_GATEWAY") or "0"
    if told not in ("0", "1"):
        raise ImproperlyConfigured(
            f"BEHIND_GATEWAY is {told!r}: say 1 where requests come by the gateway alone, or 0."
        )
    return told == "1"


def _behind_tls() -> bool:
    scheme = os.environ.get("PUBLIC_SCHEME", "")
    if scheme not in ("", "http", "https"):
        raise ImproperlyConfigured(f"PUBLIC_SCHEME is {scheme!r}: say http or https, as clients see us.")
    return scheme == "https"


def _secrets() -> dict[str, str]:
    return {
        "SECRET_KEY": required("SECRET_KEY", "it signs the admin's sessions"),
        "CONFIG_KEY": required("CONFIG_KEY", "it encrypts signing keys and secrets at rest (a Fernet key)"),
    }


def _passwords() -> list[dict[str, str]]:
    """What a new password must not be: short, one of those that everybody tries first, a number."""
    kinds = ("MinimumLength", "CommonPassword", "NumericPassword")
    return [{"NAME": f"django.contrib.auth.password_validation.{kind}Validator"} for kind in kinds]


def _templates() -> list[dict[str, Any]]:
    """What the admin's pages need."""
    processors = [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]
    return [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": processors},
        },
    ]


def database(url: str) -> dict[str, Any]:
    """Django's database entry: a lasting connection for each thread of a web process or worker, bounded
    statements and lock waits."""
    process = os.environ.get("PROCESS", "")
    parameters: dict[str, float] = {
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": 60_000,
        # The tables fit in memory: an index is as cheap to follow as a table to read through.
        "random_page_cost": 1.1,
    }
    if process in SERVING:
        # Migrations and other commands may take their time; what serves requests may not.
        parameters["statement_timeout"] = STATEMENT_TIMEOUT_MS
    options: dict[str, Any] = {
        "options": " ".join(f"-c {name}={value}" for name, value in parameters.items()),
        "application_name": f"{os.environ.get('SERVICE', 'host')}-{process or 'command'}",
        "connect_timeout": 3,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        # Keepalives are not sent while something that was sent is not acknowledged.
        "tcp_user_timeout": 20_000,
    }
    if process in SERVING:
        # Prepared statements: planning costs as much as running what the shop asks most often. Migrations
        # run several commands in one statement, which cannot be prepared.
        options |= {"server_side_binding": True, "prepare_threshold": 3}
    return {
        **dj_database_url.parse(
            url,
            engine="strangler.chassis.postgres",
            conn_max_age=None if process in KEEPING else 0,
            conn_health_checks=process in KEEPING,
        ),
        "OPTIONS": options,
    }


def mail(url: str) -> dict[str, Any]:
    """Django's e-mail settings of `smtp://host:port`."""
    host, _, port = url.removeprefix("smtp://").rstrip("/").partition(":")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": int(port or 25),
        "EMAIL_TIMEOUT": 5,
    }


def _proxies() -> int:
    """How many say in X-Forwarded-For whom they had it from: those before the gateway, and the gateway."""
    number = os.environ.get("PROXIES") or "0"
    if not (number.isascii() and number.isdigit()):
        raise ImproperlyConfigured(f"PROXIES is {number!r}: say how many of yours are in front: 1")
    return int(number) + _behind_gateway()


def rest_framework(*, proxies: int, users: bool) -> dict[str, Any]:
    """DRF's settings: JSON in and out, tokens, our pages, our errors. `proxies`: those before us; `users`:
    whether Django's users are installed."""
    return {
        "DEFAULT_AUTHENTICATION_CLASSES": ["strangler.chassis.auth.JWTAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["strangler.chassis.parsers.JSONParser"],
        "DEFAULT_PAGINATION_CLASS": "strangler.chassis.paging.Paging",
        "DEFAULT_SCHEMA_CLASS": "strangler.chassis.openapi.AutoSchema",
        "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
        "NUM_PROXIES": proxies,
        "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser" if users else None,
        "URL_FORMAT_OVERRIDE": None,
        "TEST_REQUEST_DEFAULT_FORMAT": "json",
    }
