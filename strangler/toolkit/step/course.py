"""The order of the phases, forward and back."""

from strangler.toolkit.step import hosts, queues, rows, way_back
from strangler.toolkit.step import state as states
from strangler.toolkit.step.canary import CANARY, UNDO_CANARY
from strangler.toolkit.step.contract import CONTRACT, begin_contract, check_before, has_ended_way_back
from strangler.toolkit.step.cutover import CLOSE_CUTOVER, CUTOVER, UNDO_CUTOVER, agree_on_owner
from strangler.toolkit.step.effects import Effect, carry_out, finished
from strangler.toolkit.step.errors import Inconclusive, StepError, WentBack
from strangler.toolkit.step.expand import EXPAND, UNDO_EXPAND
from strangler.toolkit.step.shadow import SHADOW, UNDO_SHADOW
from strangler.toolkit.step.soak import SOAK
from strangler.toolkit.step.state import PHASES, Phase
from strangler.toolkit.step.step import Step

FORWARD: dict[Phase, tuple[Effect, ...]] = {
    "expand": EXPAND,
    "shadow": SHADOW,
    "canary": CANARY,
    "cutover": CUTOVER,
    "soak": SOAK,
    "contract": CONTRACT,
}
BACK: dict[Phase, tuple[Effect, ...]] = {
    "soak": (),
    "cutover": UNDO_CUTOVER,
    "canary": UNDO_CANARY,
    "shadow": UNDO_SHADOW,
    "expand": UNDO_EXPAND,
}
RESTS: dict[Phase, Phase] = {
    "soak": "shadow",
    "cutover": "shadow",
    "canary": "shadow",
    "shadow": "expand",
    "expand": "",
}
"""Where a step stands after a phase was undone. A canary has nothing to rest on: its reads go back whole."""


def forward(step: Step, *, until: Phase = "soak") -> None:
    """From where the step stands to the end of a phase. A bad verdict takes it back by itself."""
    step.check_tables()
    if step.state.undoing and not way_back.given_up(step):
        undo(step, step.state.phase)
    for phase in PHASES[: PHASES.index(until) + 1]:
        if step.state.reached(phase):
            continue
        step.screen.title(f"{step.domain}: {phase}")
        if phase == "contract":
            check_before(step)
            begin_contract(step)
        try:
            carry_out(step, phase, FORWARD[phase])
        except (WentBack, Inconclusive) as verdict:
            undo(step, phase)
            raise type(verdict)(f"{str(verdict).rstrip('.')}. {_stands(step)}") from verdict
        finished(step, phase)


def back(step: Step) -> Phase:
    """Undo the last phase; which one that was."""
    state = step.state
    if not state.phase or has_ended_way_back(step):
        raise StepError(
            f"There is nothing to take back: {step.domain} "
            + ("has moved for good." if state.phase == "contract" else "has not begun to move.")
        )
    given_up = [domain for domain, other in step.siblings().items() if other and other.phase == "contract"]
    if given_up:
        raise StepError(
            f"{step.domain} cannot go back: it moves together with {', '.join(given_up)}, for which "
            f"{state.source} was restarted without either. `./run strangler contract --domain {step.domain}` "
            "ends it."
        )
    phase = state.phase
    if not state.undoing and phase == "cutover" and not state.done:
        agree_on_owner(step)
        if step.owner() == state.target:
            # The fence was through when the command was ended: what is open is closed first.
            carry_out(step, "cutover", CLOSE_CUTOVER)
    way_back.check(step)
    rows.check_before_going_back(step)
    step.screen.title(f"{step.domain}: back from {phase}")
    if phase == "contract":
        hosts.unfinish(step)
    undo(step, phase)
    return phase


def abort(step: Step) -> None:
    """Back to where nothing had begun."""
    while step.state.phase:
        back(step)


def undo(step: Step, phase: Phase) -> None:
    """Undo a phase, and what it stands on if it has nothing of its own to undo."""
    undone: Phase = "cutover" if phase in ("soak", "contract") else phase
    carry_out(step, undone, BACK[undone], undoing=True)
    if undone == "expand":
        _forget(step)
    else:
        finished(step, RESTS[undone])


def _forget(step: Step) -> None:
    hosts.stop(step)
    queues.forget_target(step)
    step.held.transaction(states.clear(step.domain))
    step.state.phase, step.state.done, step.state.undoing, step.state.tables = "", False, False, ()
    copy = f"the host {step.state.target} keeps a copy that it does not own"
    step.screen.note(f"The domain {step.domain} is where it was; {copy}.")


def _stands(step: Step) -> str:
    where = f"The step is back in {step.state.phase}" if step.state.phase else "The step was undone"
    return f"{where}; {step.owner()} owns {step.domain}."
