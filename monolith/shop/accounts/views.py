from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from shop.accounts import operations, tokens
from shop.accounts.models import Address
from shop.accounts.serializers import (
    AccessSerializer,
    AddressSerializer,
    KeySetSerializer,
    LoginSerializer,
    MeSerializer,
    RefreshSerializer,
    RegisterSerializer,
    TokensSerializer,
    UserSerializer,
)
from shop.accounts.throttling import LoginThrottle, RegisterThrottle
from strangler.chassis.auth import InvalidToken, JWTAuthentication, caller, decode


def _gone() -> exceptions.APIException:
    """The token outlived its user."""
    return exceptions.AuthenticationFailed("The user no longer exists.")


class Register(APIView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = [RegisterThrottle]

    @extend_schema(
        operation_id="register", request=RegisterSerializer, responses={201: UserSerializer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        form = RegisterSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = operations.register(**form.validated_data)
        if user is None:
            raise serializers.ValidationError({"email": ["This e-mail address is taken."]}, code="unique")
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class _TokenView(APIView):
    authentication_classes = []
    permission_classes = []
    problems = {401: "Wrong e-mail address or password, or a token that is not valid."}

    def get_authenticate_header(self, request: Request) -> str:
        return JWTAuthentication().authenticate_header(request)


class Token(_TokenView):
    throttle_classes = [LoginThrottle]

    @extend_schema(operation_id="login", request=LoginSerializer, responses={200: TokensSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = operations.login(**form.validated_data)
        if user is None:
            raise exceptions.AuthenticationFailed("Wrong e-mail address or password.")
        pair = {kind: tokens.issue(user=user, kind=kind) for kind in ("access", "refresh")}
        return Response(pair, headers={"Cache-Control": "no-store"})


class TokenRefresh(_TokenView):
    @extend_schema(
        operation_id="refresh_token", request=RefreshSerializer, responses={200: AccessSerializer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        form = RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            claims = decode(form.validated_data["refresh"], kind="refresh")
        except InvalidToken:
            raise exceptions.AuthenticationFailed("The refresh token is not valid or has expired.") from None
        user = operations.active_user(user=int(claims["sub"]))
        if user is None:
            raise _gone()
        if not tokens.refreshes(user=user, claims=claims):
            raise exceptions.AuthenticationFailed("The password has changed. Log in again.")
        access = tokens.issue(user=user, kind="access")
        return Response({"access": access}, headers={"Cache-Control": "no-store"})


class Me(APIView):
    @extend_schema(operation_id="me", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        user = operations.active_user(user=caller(request).id)
        if user is None:
            raise _gone()
        return Response(MeSerializer(user).data)

    @extend_schema(operation_id="change_me", request=MeSerializer, responses=MeSerializer)
    def patch(self, request: Request) -> Response:
        form = MeSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        change = form.validated_data
        user = (
            operations.rename(user=caller(request).id, name=change["name"])
            if change
            else operations.active_user(user=caller(request).id)
        )
        if user is None:
            raise _gone()
        return Response(MeSerializer(user).data)


class Addresses(ListCreateAPIView[Address]):
    serializer_class = AddressSerializer
    queryset = Address.objects.none()

    def get_queryset(self) -> Any:
        return operations.addresses(user=caller(self.request).id)

    def perform_create(self, serializer: Any) -> None:
        address = operations.add_address(user=caller(self.request).id, **serializer.validated_data)
        if address is None:
            raise _gone()
        serializer.instance = address


class OneAddress(APIView):
    @extend_schema(operation_id="remove_address", request=None, responses={204: None})
    def delete(self, request: Request, address: int) -> Response:
        if not operations.remove_address(user=caller(request).id, address=address):
            raise exceptions.NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeySet(APIView):
    authentication_classes = []
    permission_classes = []

    @extend_schema(operation_id="jwks", responses=KeySetSerializer, auth=[])
    def get(self, request: Request) -> Response:
        return Response(operations.jwks(), headers={"Cache-Control": "public, max-age=60"})
