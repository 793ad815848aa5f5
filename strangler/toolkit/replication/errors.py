"""What can be wrong on the databases' side of a step."""

from strangler.toolkit.errors import ToolkitError


class ReplicationError(ToolkitError):
    """A step cannot go on as the databases are; the message says why and what to do."""


class DatabaseUnreachable(ReplicationError):
    """A host's database does not answer."""


class NotSuperuser(ReplicationError):
    """The role by which a database is reached may not do what a step does."""


class NotTrusted(ReplicationError):
    """What a step keeps in a database is there, and somebody else than a superuser could have written it."""


class NotReady(ReplicationError):
    """The databases are not ready for a step: a setting, a table, a column, a key is not as it must be."""


class Busy(ReplicationError):
    """A lock or a slot could not be had in time, because of what others do; nothing has changed."""


class NotHealthy(ReplicationError):
    """Replication stands still, lags too far behind, or the sides differ."""


class BackedOff(Busy):
    """The fence was not up or not drained within its bound; it was let go and nothing has changed."""
