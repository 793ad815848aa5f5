"""A host that runs one tiny domain."""

import os

from strangler.chassis.django import database

SECRET_KEY = "tiny"
USE_TZ = True
LOGGING_CONFIG = None
INSTALLED_APPS = ["tests.chassis.rpc.counting"]
DATABASES = {"default": database(os.environ["DATABASE_URL"])}
