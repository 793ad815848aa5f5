import signal
from typing import NoReturn

from strangler.toolkit.cli import app


def interrupt(*_: object) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does: what it started is taken down."""
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, interrupt)
app(prog_name="strangler")
