"""The Django settings of the host `notifications`: one domain, no accounts, no admin, no sessions."""

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="shop",
        domains=["notifications"],
        urls="notifications.urls",
        wsgi="notifications.wsgi.application",
        title="Shop: notifications",
        jwks_port="contracts.accounts.accounts",
        issuer="shop",
    )
)
