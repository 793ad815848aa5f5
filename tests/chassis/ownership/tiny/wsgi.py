"""A tiny host as a WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.chassis.ownership.tiny.settings")

from strangler.chassis.wsgi import wrap

application = wrap(get_wsgi_application())
