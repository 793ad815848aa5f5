"""A host that runs two tiny domains."""

import os

from strangler.chassis.django import database

SECRET_KEY = "tiny"
USE_TZ = True
LOGGING_CONFIG = None
INSTALLED_APPS = ["tests.chassis.rpc.counting", "tests.chassis.rpc.idling"]
DATABASES = {"default": database(os.environ["DATABASE_URL"])}
