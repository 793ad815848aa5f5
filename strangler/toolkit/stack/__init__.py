"""The native runner: docker-compose.yml without containers, under supervisord, in one directory."""

from strangler.toolkit.stack.errors import StackError
from strangler.toolkit.stack.stack import Stack

__all__ = ["Stack", "StackError"]
