"""A host of letters, and of people where DOMAINS says so."""

import os

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="tests.chassis.references",
        domains=os.environ["DOMAINS"].split(),
        urls="tests.chassis.references.urls",
        wsgi="",
        title="Letters",
        user_model="auth.User",
        jwks_port="",
        issuer="letters",
        admin=True,
    )
)
