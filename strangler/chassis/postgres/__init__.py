"""Django's PostgreSQL engine for hosts that outlive their server: `ENGINE = "strangler.chassis.postgres"`."""

from psycopg import errors

LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)
"""Others hold the rows: what was refused may go well in a moment."""
