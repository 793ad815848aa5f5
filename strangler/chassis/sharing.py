"""How the workers of a web process share the connections among them.

All workers wake up for a new connection and the first one gets it, to keep while its client keeps it. Left
alone, one worker may end with all the busy ones, while another one's processor has nothing to do.
"""

import mmap
import socket
import time

from strangler.chassis.patience import PatientWorker

YIELD_SECONDS = 0.0002
"""How long a worker that is busier than another leaves a new connection to the others."""

SLOTS = 256
NOBODY = -1


class Board:
    """How many requests each worker is at, in memory that the arbiter's forks share."""

    def __init__(self) -> None:
        self.counts = memoryview(mmap.mmap(-1, SLOTS * 4)).cast("i")
        for slot in range(SLOTS):
            self.counts[slot] = NOBODY

    def fewest(self) -> int:
        """Of the workers that take connections; 0 if none does."""
        return min((count for count in self.counts if count != NOBODY), default=0)


class FairWorker(PatientWorker):
    """A thread worker, which steps back for a moment where another one has less to do.

    The moment is short and comes once a connection: a worker that is stuck keeps nobody waiting. Connections
    count while a request is on them: a gateway keeps many that it does not use.
    """

    board: Board
    slot: int
    """Its place on the board. The arbiter gives it both before it forks."""

    def notify(self) -> None:
        """gunicorn's sign of life, once in each turn of its loop."""
        super().notify()
        self._note()

    def set_accept_enabled(self, enabled: bool) -> None:
        """gunicorn's switch: off at its limit of connections, and while it stops."""
        super().set_accept_enabled(enabled)
        self._note()

    def accept(self, listener: socket.socket) -> None:
        """Take the connection, if no other worker has by then."""
        if self._busy() > self.board.fewest():
            time.sleep(YIELD_SECONDS)
        super().accept(listener)
        self._note()

    def _busy(self) -> int:
        return int(self.nr_conns) - len(self.keepalived_conns) - len(self.pending_conns)

    def _note(self) -> None:
        self.board.counts[self.slot] = self._busy() if self._accepting else NOBODY


def join(board: Board, worker: FairWorker, others: list[FairWorker]) -> None:
    """A place for a worker that is about to be forked."""
    taken = {other.slot for other in others}
    worker.board = board
    worker.slot = next(slot for slot in range(SLOTS) if slot not in taken)


def leave(worker: FairWorker) -> None:
    """Whatever ended it, it is at nothing any more."""
    worker.board.counts[worker.slot] = NOBODY
