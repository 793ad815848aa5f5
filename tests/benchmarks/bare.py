"""A bare Django view: what Django and gunicorn cost at least, for the same bytes.

No middleware, no apps, no database: the bytes stand in the file that BARE_BODY names.
`python -m strangler.chassis.web tests.benchmarks.bare:application` serves it as the shop is served.
"""

import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

BODY = Path(os.environ["BARE_BODY"]).read_bytes()


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("api/products", bare)]
application = get_wsgi_application()
