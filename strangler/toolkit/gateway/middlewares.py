"""The gateway's middlewares as Traefik reads them, and the chains in which requests pass them."""

from strangler.chassis.config import GatewaySettings

# A status that no host gives: `problems.yml` beside Traefik's configuration makes a 503 of it.
BREAKER_STATUS = 521
PAGES = "pages"
AUTH_ADDRESS = "forwardAuth/address"

OUTERMOST = "secure-headers"
"""It sees every answer to a client last."""

# From the client inwards. Every chain ends at the host's service.
OF_READS = [OUTERMOST, "compress", "problems-gateway@file"]
OF_WRITES = [OUTERMOST, "compress", "problems-write@file"]
COUNTED = ["problems-limit", "rate-limit"]
# A body is taken in once its client's limits let it, and counts as under way at its host once it is whole:
# slow uploads hold no memory beyond their client's share, and nobody else's place.
UNDER_WAY = ["in-flight-client", "problems-body", "body-limit", "in-flight"]
INSIDE = ["breaker"]
CHAINS = {
    "open-read": [*OF_READS, *COUNTED, *UNDER_WAY, *INSIDE, "retry"],
    "open-write": [*OF_WRITES, *COUNTED, *UNDER_WAY, *INSIDE],
    "user-read": [*OF_READS, *COUNTED, *UNDER_WAY, "auth", *INSIDE, "retry"],
    "user-write": [*OF_WRITES, *COUNTED, *UNDER_WAY, "auth", *INSIDE],
    # Routes that count their callers themselves, and whose own 429 has to reach the client: so the gateway's
    # own, of too many under way, is plain text here.
    "own-limits": [*OF_WRITES, *UNDER_WAY, *INSIDE],
}
BODY_BYTES_IN_MEMORY = 64 * 1024
"""What a body has beyond them waits on disk."""


def middlewares(settings: GatewaySettings, *, auth_url: str) -> dict[str, dict[str, str]]:
    """Name → options (the path below the middleware's key → value)."""
    # Who has one IPv6 address has 2⁶⁴ (RFC 6177).
    client = {"depth": str(settings.proxies), "ipv6Subnet": "64"}
    found = {
        OUTERMOST: {
            "headers/customResponseHeaders/X-Content-Type-Options": "nosniff",
            "headers/customResponseHeaders/Referrer-Policy": "same-origin",
            "headers/customResponseHeaders/Cross-Origin-Opener-Policy": "same-origin",
            # Only the gateway says who the caller is.
            "headers/customRequestHeaders/X-User-Id": "",
            # Only hosts carry each other's requests on.
            "headers/customRequestHeaders/X-Strangler-Forwarded": "",
            "headers/customRequestHeaders/X-Strangler-Signature": "",
            "headers/customRequestHeaders/X-Strangler-Shadow": "",
        },
        "compress": {"compress/minResponseBodyBytes": "1024", "compress/encodings": "gzip"},
        "problems-body": {
            "errors/status": "413",
            "errors/service": PAGES,
            "errors/query": "/problems/{status}",
        },
        "problems-limit": {
            "errors/status": "429",
            "errors/service": PAGES,
            "errors/query": "/problems/{status}",
        },
        "body-limit": {
            "buffering/maxRequestBodyBytes": str(settings.body_limit_bytes),
            "buffering/memRequestBodyBytes": str(BODY_BYTES_IN_MEMORY),
        },
        "rate-limit": {
            "rateLimit/average": str(settings.rate_limit_average),
            "rateLimit/burst": str(settings.rate_limit_burst),
            "rateLimit/period": "1s",
            **{f"rateLimit/sourceCriterion/ipStrategy/{name}": value for name, value in client.items()},
        },
        "in-flight-client": {
            "inFlightReq/amount": str(settings.in_flight_client_limit),
            **{f"inFlightReq/sourceCriterion/ipStrategy/{name}": value for name, value in client.items()},
        },
        "in-flight": {
            "inFlightReq/amount": str(settings.in_flight_limit),
            # All count as one: whatever a client says of itself, it says as often as it likes. This header
            # has been taken away by then.
            "inFlightReq/sourceCriterion/requestHeaderName": "X-User-Id",
        },
        "breaker": {
            "circuitBreaker/expression": settings.breaker_expression,
            "circuitBreaker/checkPeriod": "200ms",
            "circuitBreaker/fallbackDuration": "1s",
            "circuitBreaker/recoveryDuration": "2s",
            "circuitBreaker/responseCode": str(BREAKER_STATUS),
        },
        # Safe methods only: a host that died over a request may have had its effect. 502 is what Traefik
        # makes of a connection that ended without an answer; without it, only refused ones are retried.
        # Room for the largest body that can be sent again is cleared for each request, and reads have none:
        # Traefik's default, 2 MiB, is half of what a request costs it.
        "retry": {
            "retry/attempts": "3",
            "retry/initialInterval": "50ms",
            "retry/status": "502",
            "retry/maxRequestBodyBytes": "1024",
        },
        "auth": {
            AUTH_ADDRESS: auth_url,
            "forwardAuth/authResponseHeaders": "X-User-Id",
            "forwardAuth/authRequestHeaders": "Authorization,X-Request-Id",
            "forwardAuth/trustForwardHeader": "false",
            "forwardAuth/maxResponseBodySize": "16384",
        },
        "unavailable": {"replacePath/path": "/problems/503"},
        "ready": {"replacePath/path": "/readyz"},
        "not-routed": {"replacePath/path": "/problems/404"},
    }
    for name, members in CHAINS.items():
        found[name] = {"chain/middlewares": ",".join(members)}
    return found
