"""A host that answers with what it has read: its settings, its routes and its application in one."""

import os
import tempfile

from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from strangler.chassis import patience
from strangler.chassis.wsgi import wrap

SECRET_KEY = "echo"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = __name__
MIDDLEWARE = ["strangler.chassis.lengths.content_length", "strangler.chassis.forwarding.Forwarding"]
LOGGING_CONFIG = None
LONG = b"x" * 4_000_000
"""More than a connection holds."""


def echo(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"path": request.path, "scheme": request.scheme, "body": request.body.decode()})


def long(request: HttpRequest) -> HttpResponse:
    return HttpResponse(LONG)


def file(request: HttpRequest) -> FileResponse:
    stored = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    stored.write(LONG)
    stored.seek(0)
    return FileResponse(stored)


urlpatterns = [path("echo", echo), path("long", long), path("file", file)]
# Hosts have more, which tests need not wait for.
patience.PATIENCE_SECONDS = float(os.environ["PATIENCE_SECONDS"])
patience.READ_SECONDS = float(os.environ["READ_SECONDS"])
application = wrap(get_wsgi_application())
