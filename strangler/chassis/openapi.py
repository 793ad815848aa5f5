"""The OpenAPI document says what every route really answers, error answers included."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from rest_framework import serializers


class ProblemErrorSerializer(serializers.Serializer[Any]):
    """One error; `attr` names the field that it is about."""

    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ProblemErrorSerializer(many=True)  # type: ignore[assignment]


EVERYWHERE = {
    "400": "The request is not valid.",
    "404": "Not found.",
    "405": "The route does not take this method.",
    "406": "Only JSON is spoken here.",
    "429": "Too many requests; Retry-After says when to try again.",
    "503": "Something this needs is down; Retry-After says when to try again.",
}
OF_WRITES = {
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "502": "`outcome_unknown`: it may have had its effect, or not. Look before you send it again.",
}
WITH_TOKEN = {"401": "No valid access token.", "403": "This user may not do this."}


class AutoSchema(SpectacularSchema):
    """drf-spectacular's, with the error answers that each operation can give.

    A view adds those of its own domain, by status, in `problems`, for all its methods or one:
    `problems = {402: "Declined."}` or `problems = {"POST": {402: "Declined."}}`.
    """

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Any:
        responses = super()._get_response_bodies(direction=direction)
        if direction == "response":
            for status, description in sorted(self._problems().items()):
                if status not in responses:
                    answer = self._get_response_for_code(ProblemSerializer, status)  # type: ignore[no-untyped-call]
                    responses[status] = {**answer, "description": description}
        return responses

    def _problems(self) -> dict[str, str]:
        problems = dict(EVERYWHERE)
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            problems |= OF_WRITES
        if self.view.get_authenticators():
            problems |= WITH_TOKEN
        own = getattr(self.view, "problems", {})
        own = own.get(self.method, own)
        return problems | {str(k): v for k, v in own.items() if isinstance(v, str)}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How `JWTAuthentication` is described."""

    target_class = "strangler.chassis.auth.JWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
