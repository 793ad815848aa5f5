"""Whether a URL answers."""

import urllib.error
import urllib.request


def answers(url: str) -> bool:
    """Whether it answers 2xx now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status < 300)
    except OSError:
        return False
