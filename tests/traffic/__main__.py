"""Run the traffic until the input ends, or SIGTERM: `python -m tests.traffic --host URL --users N DIR`.

Its own process, because Locust's gevent patches the standard library. It ends by itself when its parent dies:
the parent holds the other end of its standard input.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import gevent
from gevent.event import Event
from gevent.os import tp_read
from locust.env import Environment

from tests.traffic.calls import Recorder
from tests.traffic.journal import Journal
from tests.traffic.shopper import Shopper
from tests.traffic.users import Customer, Staff

FINISH_SECONDS = 75


def main() -> None:
    """Start, wait for the end, let everybody finish what they are at, stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where journal.jsonl and calls.jsonl go")
    parser.add_argument("--host", required=True, help="the shop's base URL")
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--spawn-rate", type=float, default=8.0, help="new users a second")
    arguments = parser.parse_args()

    Shopper.journal = Journal(arguments.directory / "journal.jsonl")
    Shopper.recorder = Recorder(arguments.directory / "calls.jsonl")
    environment = Environment(
        user_classes=[Customer, Staff],
        host=arguments.host,
        stop_timeout=FINISH_SECONDS,
        catch_exceptions=True,
    )
    runner = environment.create_local_runner()
    ending = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ending.set)
    gevent.spawn(_wait_for_end_of_input, ending)
    runner.start(arguments.users, spawn_rate=arguments.spawn_rate)
    ending.wait()
    runner.quit()
    Shopper.recorder.close()
    Shopper.journal.close()
    exceptions = list(runner.exceptions.values())
    for problem in exceptions:
        sys.stderr.write(f"{problem['msg']}\n{problem['traceback']}\n")
    sys.stderr.flush()
    os._exit(1 if exceptions else 0)  # the thread that reads the input may hang in its read


def _wait_for_end_of_input(ending: Event) -> None:
    while tp_read(0, 4096):
        pass
    ending.set()


if __name__ == "__main__":
    main()
