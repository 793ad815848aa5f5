"""Shadow reads: a share of a moving domain's reads is asked of its next host too, and compared.

Nobody waits for it: reads are put into a bounded queue, and a thread of the owner's process does them again
on both sides. The next host follows by replication, so an answer counts only once it has applied what the
owner's answer was read from (its slot's `confirmed_flush_lsn`), else it is *stale*. Answers that differ are
read anew, and are a *mismatch* only if the owner's stays the same before and after: what changes in between
proves nothing. Figures go to the table `strangler.shadow` of the owner's database, with the last difference;
the log has only the names of the fields that differ.

`sample` is for calls of ports, the middleware `Reads` for HTTP. After Twitter's Diffy and GitHub's Scientist.
"""

from strangler.chassis.shadow.calls import sample
from strangler.chassis.shadow.requests import Reads

__all__ = ["Reads", "sample"]
