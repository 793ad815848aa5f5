"""Letters in the admin."""

from django.contrib import admin

from strangler.chassis.admin import ReferencesAdmin
from tests.chassis.references.letters.models import Letter


@admin.register(Letter)
class LetterAdmin(ReferencesAdmin):
    list_display = ("text", "person")
    list_display_links = ("person",)
    fields = ("person", "text")
    search_fields = ("text",)
