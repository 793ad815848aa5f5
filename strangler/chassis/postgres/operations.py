"""Django's PostgreSQL operations, with a compiler of ours."""

from django.db.backends.postgresql import operations


class DatabaseOperations(operations.DatabaseOperations):
    """Names the compiler."""

    compiler_module = "strangler.chassis.postgres.compiler"
