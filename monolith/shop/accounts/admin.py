from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.core.exceptions import ValidationError

from shop.accounts.models import Address, SigningKey, User
from shop.accounts.throttling import LoginThrottle
from strangler.chassis.admin import ReadOnlyAdmin


class LimitedLogin(AdminAuthenticationForm):
    """Checks the passwords that the API checks, so it counts with the API's limit."""

    def clean(self) -> dict[str, Any]:
        assert self.request is not None
        throttle = LoginThrottle()
        if not throttle.allows(self.request, self.cleaned_data.get("username", "")):
            raise ValidationError(
                f"Too many attempts. Try again in {throttle.wait():.0f} seconds.", code="throttled"
            )
        return super().clean()


admin.site.login_form = LimitedLogin


class NewUser(UserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name")


@admin.register(User)
class Users(UserAdmin):  # type: ignore[type-arg]
    add_form = NewUser
    ordering = ("email",)
    list_display = ("email", "name", "is_staff", "is_active", "date_joined")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Rights", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)


@admin.register(Address)
class Addresses(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "name", "street", "postcode", "city", "country")
    list_select_related = ("user",)
    search_fields = ("name", "street", "city", "user__email")
    raw_id_fields = ("user",)


@admin.register(SigningKey)
class SigningKeys(ReadOnlyAdmin):
    """To look at; `manage.py rotate_keys` makes new ones."""

    list_display = ("kid", "created_at", "signs_from", "verifies_until")
    fields = list_display
