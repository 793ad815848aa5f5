"""The host's routes: its domain's own, and for the origin the API document of them."""

from django.conf import settings
from django.urls import include, path

from strangler.chassis import health
from strangler.chassis.whole_document import OwnDocument

urlpatterns = [
    *health.urlpatterns,
    *(path("", include(f"shop.{domain}.urls")) for domain in settings.DOMAINS),
    path("internal/schema", OwnDocument.as_view()),
]

handler400 = "strangler.chassis.problems.bad_request"
handler403 = "strangler.chassis.problems.permission_denied"
handler404 = "strangler.chassis.problems.page_not_found"
handler500 = "strangler.chassis.problems.server_error"
