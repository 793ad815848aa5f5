"""What can go wrong between a port and the host that answers for it, beside declared errors.

`CallRefused` and `RemoteFailure` are defects, of the deployment or of the owner's code. The others are kinds
of DomainUnavailable: the caller has done nothing wrong, and may come back.
"""

from strangler.chassis.errors import ChassisError, DomainUnavailable


class RemoteDefect(ChassisError):
    """A remote call cannot succeed however often it is repeated."""

    def __init__(self, domain: str, method: str, reason: str) -> None:
        super().__init__(f"{domain}.{method}: {reason}")
        self.domain, self.method, self.reason = domain, method, reason


class CallRefused(RemoteDefect):
    """The two sides disagree about the contract: an unknown method, arguments or answers that do not fit."""


class RemoteFailure(RemoteDefect):
    """The owner failed with an error that its contract does not declare; its log has the details."""


class Unreached(DomainUnavailable):
    """Base of what may be repeated at once: the same call, with the same idempotency key."""


class Disconnected(Unreached):
    """There is no connection to the message broker, or it broke while the call was under way."""


class Unrouted(Unreached):
    """The message broker knows nobody who serves this domain."""


class OwnerUnavailable(DomainUnavailable):
    """The owner answers that something of its own, such as its database, is away."""


class DependencyUnavailable(DomainUnavailable):
    """The owner answers that another domain, which it asks, is away."""


class OwnerBusy(DomainUnavailable):
    """The owner answers that the rows are locked by others for longer than it waits."""

    busy = True


class DeadlinePassed(DomainUnavailable):
    """The answer did not come in time."""


class NoTimeLeft(DeadlinePassed):
    """The caller's own deadline left too little time to say anything about the owner."""


class BreakerOpen(DomainUnavailable):
    """The last calls of this domain all failed, so this one was not tried."""


class BulkheadFull(DomainUnavailable):
    """Too many calls of this domain are under way in this process."""
