"""What hosts say to each other when they send a request on."""

import msgspec

FORWARDED = "X-Strangler-Forwarded"
MOVED = "X-Strangler-Moved"


class Note(msgspec.Struct, frozen=True):
    """`host` says something of a domain: in FORWARDED who sends the request, in MOVED who owns the domain."""

    host: str
    domain: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.host};{self.domain};{self.epoch}"


def read(header: str | None) -> Note | None:
    """The note in a header, or None if there is none that can be read."""
    host, domain, epoch = (header or "").split(";") if (header or "").count(";") == 2 else ("", "", "")
    return Note(host, domain, int(epoch)) if epoch.isascii() and epoch.isdigit() else None
