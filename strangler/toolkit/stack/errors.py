"""What can go wrong with a stack; every message says what happened, to what, and what to do next."""

from pathlib import Path

from strangler.toolkit.errors import NotThere, ToolkitError


class StackError(ToolkitError):
    """Base of the native runner's errors."""


class ComposeError(StackError):
    """docker-compose.yml asks for something that cannot be resolved."""


class PortTaken(StackError):
    """A port that a service needs is in use by somebody else."""


class ServiceFailed(StackError):
    """A service did not become ready, or a one-shot service failed."""

    def __init__(self, service: str, what: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        shown = "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"
        super().__init__(f"{service}: {what}. The end of {log}:\n{shown}")
        self.service = service


class DiskUnusable(StackError):
    """The run directory cannot be written: the disk is full or read-only."""


class NotRunning(StackError, NotThere):
    """The stack is not up."""


class NoSuchStage(StackError, NotThere):
    """The compose file has no services of that stage."""


class NoSuchLog(StackError, NotThere):
    """No service of that name has said anything."""
