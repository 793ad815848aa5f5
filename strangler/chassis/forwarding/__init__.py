"""A write that reached a host which does not own the domain any more is carried to the owner, once.

The fence refuses the write (SQLSTATE DM001), wherever in the code it happened, and its transaction is rolled
back. The middleware, the innermost, gets the refusal before anybody answers an error, and sends the request
on as it came, with a header that says who sends it: `X-Strangler-Forwarded: <from>;<domain>;<epoch>`. A host
that was sent a request never sends it on. If it does not own the domain either, it answers so
(`X-Strangler-Moved`), and the first host, which holds the client's connection, finds out what is true and
tries again for a moment. The gateway takes these headers out of what clients send.

Where the command that moves a domain was killed between telling the one database and the other, the new owner
hears of it by the same header, and takes the domain over if the word is signed (`headers`): with
FORWARDING_KEY, which the web processes of all hosts share. Without it, such a write is answered with 503
until the command was run again, or a call by RPC, whose callers the broker knows, told the new owner.

Only a request that has committed nothing is done again: one whose writes are one transaction, or whose first
is the one that is refused. What has committed a part is answered with 502 `outcome_unknown`, and so is what
was sent on and got no answer, unless it came with an `Idempotency-Key` and its view says that it goes by that
(`repeatable = True`): then it is done again, or sent on once more. A body larger than
DATA_UPLOAD_MAX_MEMORY_SIZE is not kept and so not carried: 503 with `Retry-After`.
"""

from strangler.chassis.forwarding.middleware import Forwarding

__all__ = ["Forwarding"]
