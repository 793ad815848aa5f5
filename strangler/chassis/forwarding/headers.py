"""What hosts say to each other when they send a request on, and how it is known that a host said it.

Clients may write these headers too, where they reach a host past the gateway. So who is told by FORWARDED
that a domain is its own takes it over only by a word that is signed: an HMAC (RFC 2104) with the key that
the hosts share, over the word and the name of the host that it was given to. It has no time and needs none.
A word is given after the fence, and no handover is undone but by the next, which has a later epoch: what it
says of its epoch stays true, and only a database at the epoch before heeds it. So who repeats it says what
that host was to know, or nothing that counts. (Epochs grow for as long as the new host's database lives.
Where a step was called off and that database dropped, they begin anew: draw a new key then.)
"""

import hashlib
import hmac

import msgspec

FORWARDED = "X-Strangler-Forwarded"
SIGNATURE = "X-Strangler-Signature"
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
    is_bigint = epoch.isascii() and epoch.isdigit() and len(epoch) < 19
    return Note(host, domain, int(epoch)) if is_bigint else None


def forwarded(note: Note, *, to: str, key: str) -> dict[str, str]:
    """The headers of a request that is sent on to the host `to`; signed if there is a key."""
    told = {FORWARDED: str(note)}
    return told | {SIGNATURE: _signature(note, to, key)} if key else told


def is_signed(note: Note, signature: str | None, *, to: str, key: str) -> bool:
    """Whether a host that has the key said this to the host `to`. Without a key nobody is known to have."""
    expected = _signature(note, to, key)
    return bool(key) and hmac.compare_digest(expected.encode(), (signature or "").encode())


def _signature(note: Note, to: str, key: str) -> str:
    return hmac.new(key.encode(), f"{note};{to}".encode(), hashlib.sha256).hexdigest()
