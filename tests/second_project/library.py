"""The monolith's settings: both apps, until books have moved for good."""

import os

from strangler.chassis.django import host_settings

STAGE = int(os.environ.get("STAGE", "0"))

globals().update(
    host_settings(
        package="tests.second_project",
        domains=["lending"] if STAGE >= 1 else ["books", "lending"],
        urls="tests.second_project.urls",
        wsgi="tests.second_project.wsgi.application",
        title="Library",
        jwks_port="",
        issuer="library",
    )
)
