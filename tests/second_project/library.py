"""The monolith's settings: plain Django, as they were, and then what the chassis needs of them."""

import os

import dj_database_url

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.second_project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
INSTALLED_APPS: list[str] = []
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]

# The apps that are domains and run here; books do until they have moved for good.
DOMAINS = ["books", "lending"] if os.environ.get("STAGE", "0") == "0" else ["lending"]
INSTALLED_APPS += ["strangler.chassis", "strangler.chassis.events"]
INSTALLED_APPS += [f"tests.second_project.{domain}" for domain in DOMAINS]
# Last, so that nothing else sees what the fence refuses.
MIDDLEWARE += ["strangler.chassis.shadow.Reads", "strangler.chassis.forwarding.Forwarding"]
