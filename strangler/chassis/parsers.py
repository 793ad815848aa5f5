"""Reading request bodies: JSON, at most so large and so deep."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions, parsers, status

from strangler.chassis.shape import TOO_LARGE


class TooLarge(exceptions.APIException):
    """The request's body is larger than we read."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code, default_detail = TOO_LARGE


class JSONParser(parsers.JSONParser):
    """DRF's, which reads a stream to its end and follows any nesting: this one refuses both."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        length = request.META.get("CONTENT_LENGTH") if request is not None else None
        if length and length.isdigit() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            return super().parse(stream, media_type, parser_context)
        except RequestDataTooBig:
            raise TooLarge from None
        except RecursionError:
            raise exceptions.ParseError("The JSON is nested too deeply.") from None
