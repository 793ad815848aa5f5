"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id as OWASP's password storage cheat sheet has it: 19 MiB, two passes, one lane.

    Django's default takes 100 MiB and eight lanes for each login, which a few logins at once turn into
    gigabytes.
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
