"""Django's settings of the bare view: nothing that it can do without."""

SECRET_KEY = "bare"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.benchmarks.bare"
MIDDLEWARE = ["strangler.chassis.lengths.content_length"]
USE_I18N = False
