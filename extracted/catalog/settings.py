"""The Django settings of the host `catalog`: one domain, no accounts, no admin, no sessions."""

from strangler.chassis.django import host_settings

globals().update(
    host_settings(
        package="shop",
        domains=["catalog"],
        urls="catalog.urls",
        wsgi="catalog.wsgi.application",
        title="Shop: catalog",
        jwks_port="contracts.accounts.accounts",
        issuer="shop",
    )
)
