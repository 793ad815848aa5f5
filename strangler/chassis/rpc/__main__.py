"""`python -m strangler.chassis.rpc SETTINGS [DOMAIN …]`: a host's rpc process.

The order matters: eventlet replaces blocking calls before anything that uses them is imported, and psycopg
chooses how it waits when it is imported; its own way in C would stop every other call of the process.
"""

import os
import sys
import warnings

if __name__ == "__main__":
    os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_selector")
    os.environ.setdefault("PROCESS", "rpc")
    with warnings.catch_warnings():
        # Eventlet says that new projects should not choose it. Nameko did.
        warnings.simplefilter("ignore")
        import eventlet
    eventlet.monkey_patch()

    from strangler.chassis.rpc.server import main

    main(sys.argv[1:])
