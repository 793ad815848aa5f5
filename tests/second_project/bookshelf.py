"""The settings of the books' own host."""

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="tests.second_project",
        domains=["books"],
        urls="tests.second_project.urls",
        wsgi="tests.second_project.wsgi.application",
        title="Books",
        jwks_port="",
        issuer="library",
    )
)
