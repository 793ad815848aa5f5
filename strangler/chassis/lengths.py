"""Content-Length on every answer that is not a stream, so that no server has to chunk it.

Django does this in CommonMiddleware, whose other work (appending slashes, banning agents) no API needs.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


def content_length(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The middleware."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not response.streaming and not response.has_header("Content-Length"):
            response.headers["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
        return response

    return middleware
