"""A bare Django view: what serving the same bytes costs at least.

No apps, no database, no middleware but the length: the bytes stand in the file that BARE_BODY names.
`python -m strangler.chassis.web tests.benchmarks.bare:application` serves it as the shop is served, traced
and logged alike.
"""

import os
from pathlib import Path

from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from strangler.chassis.wsgi import wrap

BODY = Path(os.environ["BARE_BODY"]).read_bytes()


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("api/products", bare)]
application = wrap(get_wsgi_application())
