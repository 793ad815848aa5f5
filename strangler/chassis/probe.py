"""`python -m strangler.chassis.probe URL`: exit status 0 if the URL answers 2xx, for health checks."""

import sys
import urllib.request

TIMEOUT = 2.0


def main() -> int:
    try:
        with urllib.request.urlopen(sys.argv[1], timeout=TIMEOUT) as answer:  # noqa: S310 - our own URL
            return 0 if answer.status < 300 else 1
    except OSError as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
