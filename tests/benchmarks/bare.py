"""A bare Django view: what Django and gunicorn cost at least, for the same bytes.

No middleware, no apps, no database: the bytes stand in the file that BARE_BODY names.
`python -m strangler.chassis.web tests.benchmarks.bare:application` serves it as the shop is served.
"""

import os
from pathlib import Path

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY="bare",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    USE_I18N=False,
)
django.setup()

BODY = Path(os.environ["BARE_BODY"]).read_bytes()


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("api/products", bare)]
application = WSGIHandler()
