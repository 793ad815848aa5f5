"""Routes of whichever apps the host runs."""

from django.conf import settings
from django.urls import include, path

from strangler.chassis import health

urlpatterns = [
    *health.urlpatterns,
    *(path("", include(f"tests.second_project.{domain}.urls")) for domain in settings.DOMAINS),
]
