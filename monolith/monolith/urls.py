"""The monolith's routes: each hosted domain's own, the API document, the admin."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from strangler.chassis import health
from strangler.chassis.whole_document import WholeDocument

admin.site.site_header = admin.site.site_title = "Shop"

urlpatterns = [
    *health.urlpatterns,
    *(path("", include(f"shop.{domain}.urls")) for domain in settings.DOMAINS),
    path("api/schema/", WholeDocument.as_view(hosts=settings.ELSEWHERE)),
    path("admin/", admin.site.urls),
]

handler400 = "strangler.chassis.problems.bad_request"
handler403 = "strangler.chassis.problems.permission_denied"
handler404 = "strangler.chassis.problems.page_not_found"
handler500 = "strangler.chassis.problems.server_error"
