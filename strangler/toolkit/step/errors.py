"""How a step ends when it does not go on, each with the command's exit status."""

from strangler.toolkit.errors import NotThere, ToolkitError


class StepError(ToolkitError):
    """The step cannot go on; the message says why and what to do. Nothing is half done that the same
    command, run again, would not finish or undo."""


class NothingToDo(StepError, NotThere):
    """There is no step under way, or none of that domain."""


class Held(StepError):
    """Another command is at work on the step."""


class Lost(StepError):
    """The lock on the step is not held any more."""


class WentBack(StepError):
    """A verdict was bad, so the step went back to an earlier phase by itself."""

    status = 3


class Inconclusive(StepError):
    """Too little was seen for a verdict within the time allowed for it."""

    status = 4
