from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.encoding import punycode


def deliverable(email: str) -> None:
    """Raise ValidationError unless mail programs can write the address's domain (IDNA, RFC 3490)."""
    try:
        punycode(email.rpartition("@")[2])
    except UnicodeError:
        raise ValidationError("Enter a valid email address.", code="invalid") from None


class UserManager(BaseUserManager["User"]):
    """Users by e-mail address; what Django's `createsuperuser` calls."""

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        user = User(email=email.lower(), is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A customer or member of staff; logs in with the e-mail address, kept in lower case."""

    email = models.EmailField(max_length=254, unique=True, validators=[deliverable])
    name = models.CharField(max_length=150)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower")]

    def clean(self) -> None:
        super().clean()
        self.email = self.email.lower()

    def __str__(self) -> str:
        return self.email


class Address(models.Model):
    """A postal address of a user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="addresses")
    name = models.CharField(max_length=150)
    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postcode = models.CharField(max_length=20)
    country = models.CharField(max_length=2, validators=[RegexValidator("^[A-Z]{2}$")])

    class Meta:
        verbose_name_plural = "addresses"

    def __str__(self) -> str:
        return f"{self.name}, {self.street}, {self.postcode} {self.city}, {self.country}"


class SigningKey(models.Model):
    """A key that signs tokens from `signs_from` until a newer one does, and verifies until `verifies_until`.

    The private key is encrypted with CONFIG_KEY; the database alone forges no token.
    """

    kid = models.CharField(max_length=32, unique=True)
    private_key = models.TextField(help_text="PEM, encrypted (Fernet)")
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    signs_from = models.DateTimeField()
    verifies_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kid


class LoginAttempts(models.Model):
    """How many logins a client tried within a window, for one e-mail address or any; or registrations."""

    subject = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of client and e-mail")
    window_start = models.DateTimeField()
    attempts = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "login attempts"
        indexes = [models.Index(fields=["window_start"], name="loginattempts_window")]

    def __str__(self) -> str:
        return f"{self.subject[:8]}: {self.attempts}"
