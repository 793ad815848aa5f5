"""A write that reached a host which does not own the domain any more is carried to the owner, once.

The fence refuses the write (SQLSTATE DM001), wherever in the code it happened, and nothing of it is done. The
middleware, the innermost, gets the refusal before anybody answers an error, and sends the request on as it
came, with a header that says who sends it: `X-Strangler-Forwarded: <from>;<domain>;<epoch>`. A host that was
sent a request never sends it on. If it does not own the domain either, it answers so (`X-Strangler-Moved`),
and the first host, which holds the client's connection, finds out what is true and tries again for a moment.
The gateway takes these headers out of what clients send.
"""

from strangler.chassis.forwarding.middleware import Forwarding

__all__ = ["Forwarding"]
