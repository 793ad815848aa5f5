from typing import Any

from django.contrib.auth.password_validation import validate_password
from rest_framework import serializers

from shop.accounts.models import Address, User, deliverable


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "name"]
        read_only_fields = ["id", "email"]


class MeSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "name", "is_staff"]
        read_only_fields = ["id", "email", "is_staff"]


class RegisterSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(min_length=8, max_length=128, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=150)

    def validate_email(self, email: str) -> str:
        deliverable(email)
        return email

    def validate_password(self, password: str) -> str:
        validate_password(password)
        return password


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class TokensSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096, write_only=True)


class AccessSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()


class AddressSerializer(serializers.ModelSerializer[Address]):
    country = serializers.RegexField("^[A-Za-z]{2}$", help_text="ISO 3166-1 alpha-2")

    class Meta:
        model = Address
        fields = ["id", "name", "street", "city", "postcode", "country"]

    def validate_country(self, country: str) -> str:
        return country.upper()


class KeySetSerializer(serializers.Serializer[Any]):
    keys = serializers.ListField(child=serializers.DictField())
