"""A tiny host's settings: both hosts of the tests run both domains."""

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="tests.chassis.ownership.tiny",
        domains=["ledger", "desk"],
        urls="tests.chassis.ownership.tiny.urls",
        wsgi="tests.chassis.ownership.tiny.wsgi.application",
        title="Tiny",
        user_model="auth.User",
        jwks_port="",
        issuer="tiny",
    )
)
