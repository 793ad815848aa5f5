"""A Nameko service as its documentation writes one: what ours is held against.

`python -m tests.benchmarks.bare_nameko BROKER_URL` serves it until SIGTERM.
"""

import signal
import sys
import warnings
from typing import Any

if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import eventlet
    eventlet.monkey_patch()

    from nameko.rpc import rpc
    from nameko.runners import ServiceRunner

    class Bare:
        """Answers what it is asked."""

        name = "bare"

        @rpc  # type: ignore[untyped-decorator, unused-ignore]
        def echo(self, text: str) -> str:
            return text

    runner = ServiceRunner({"AMQP_URI": sys.argv[1]})
    runner.add_service(Bare)

    def terminate(*_: Any) -> None:
        eventlet.spawn_n(runner.stop)

    signal.signal(signal.SIGTERM, terminate)
    runner.start()
    runner.wait()
