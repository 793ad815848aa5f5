"""Either host as a WSGI application, as DJANGO_SETTINGS_MODULE says."""

from django.core.wsgi import get_wsgi_application

from strangler.chassis.wsgi import wrap

application = wrap(get_wsgi_application())
