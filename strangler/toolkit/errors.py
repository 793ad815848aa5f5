"""What a command cannot do: it says so in one message, with the exit status that its class has."""


class ToolkitError(Exception):
    """Base of what is expected to go wrong. The message says what happened, to what, and what to do next."""

    status = 1


class NotThere(ToolkitError):
    """What the command is to look at does not exist: a file, a stage, a step, a stack that runs."""

    status = 2
