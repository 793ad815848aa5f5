"""The monolith's settings: both apps."""

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="tests.second_project",
        domains=["books", "lending"],
        urls="tests.second_project.urls",
        wsgi="tests.second_project.wsgi.application",
        title="Library",
        jwks_port="",
        issuer="library",
    )
)
