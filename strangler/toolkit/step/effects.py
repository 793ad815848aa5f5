"""A phase is a table of effects, carried out in order; each may be carried out again.

A command that was killed begins the phase it was in anew: every effect looks at what is there. Tests end the
process between any two (STRANGLER_CRASH_AFTER=<phase>.<effect>).
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strangler.toolkit.step import state as states
from strangler.toolkit.step.state import Phase

if TYPE_CHECKING:
    from strangler.toolkit.step.step import Step

CRASH_AFTER = "STRANGLER_CRASH_AFTER"


@dataclass(frozen=True)
class Effect:
    """One thing that a phase does, by its name."""

    name: str
    do: "Callable[[Step], None]"


def table(*functions: "Callable[[Step], None]") -> tuple[Effect, ...]:
    """Effects named after their functions."""
    return tuple(Effect(function.__name__, function) for function in functions)


def carry_out(step: "Step", phase: Phase, effects: tuple[Effect, ...], *, undoing: bool = False) -> None:
    """Carry out a phase's effects, saying before each of them where the step stands."""
    verb = f"undo-{phase}" if undoing else phase
    for effect in effects:
        note(step, phase, effect, undoing=undoing)
        step.screen.say(f"{verb}: {effect.name.replace('_', ' ')}")
        effect.do(step)
        crash_point(f"{verb}.{effect.name}")


def note(step: "Step", phase: Phase, effect: Effect, *, undoing: bool = False) -> None:
    """Say where the step stands."""
    step.state.phase, step.state.effect = phase, effect.name
    step.state.done, step.state.undoing = False, undoing
    step.state.since = states.now()
    step.held.transaction(states.save(step.state))


def finished(step: "Step", phase: Phase) -> None:
    """All of a phase is done: the step rests here."""
    step.state.phase, step.state.done, step.state.undoing, step.state.effect = phase, True, False, ""
    step.state.since = states.now()
    step.held.transaction(states.save(step.state))


def crash_point(name: str) -> None:
    """End the process as a power cut would, if a test asks for it here."""
    if os.environ.get(CRASH_AFTER) == name:
        os.kill(os.getpid(), signal.SIGKILL)
