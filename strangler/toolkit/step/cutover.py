"""Cutover: the target becomes the owner, under a fence; and the same fence back again."""

import time
from collections.abc import Callable

from strangler.toolkit.replication import fence as fences
from strangler.toolkit.replication import links, ownership
from strangler.toolkit.replication.errors import BackedOff, NotHealthy, NotReady
from strangler.toolkit.replication.fence import Fence, Handover
from strangler.toolkit.replication.links import Link
from strangler.toolkit.step import routing, rows, way_back
from strangler.toolkit.step import state as states
from strangler.toolkit.step.effects import Effect, crash_point, table
from strangler.toolkit.step.errors import StepError, WentBack
from strangler.toolkit.step.state import Domain
from strangler.toolkit.step.step import Step

REST_SECONDS = 1.0
FOLLOW_SECONDS = 30.0
AFRESH = (
    "If it cannot follow any more, `./run strangler rollback --abort` gives the step up, and `migrate` "
    "copies anew."
)


def agree_on_owner(step: Step) -> None:
    """Where a command was ended between the two flips, the side that lags behind hears the later word."""
    known = [ownership.ownership(database, step.domain) for database in step.pair.both()]
    latest = max((one for one in known if one), key=lambda one: one.epoch, default=None)
    if latest is not None:
        for database in step.pair.both():
            ownership.renew(database, step.domain, owner=latest.owner, epoch=latest.epoch)


def check_following(step: Step) -> None:
    """The follower is healthy and close behind: else a fence would only hold writers up."""
    _check(step, step.pair.forward, step.state.target)


def compare_rows(step: Step) -> None:
    """Every row is the same on both sides, whatever the copy and all since then: the target's count next."""
    if step.owner() == step.state.target:
        return
    step.state.figures.pop("soak", None)  # of an earlier cutover
    if found := rows.differing(step, step.pair.forward, "cutover"):
        raise WentBack(
            f"{found} Make them the same, or copy anew: `./run strangler rollback --abort`, then `migrate`."
        )


def prepare_way_back(step: Step) -> None:
    """The reverse slot and subscription, before anybody waits: a slot waits for all transactions."""
    _prepare(step, step.pair.back, step.state.target)


def hand_over(step: Step) -> None:
    """The fence: writers wait, the target gets the rest and becomes the owner, writers go on there."""
    _hand_over(step, ending=step.pair.forward, beginning=step.pair.back, phase="cutover")
    step.tell()


def end_forward(step: Step) -> None:
    """The source is not followed any more, before it begins to follow: nothing may go round in a circle."""
    links.drop(step.pair.forward)


def follow_back(step: Step) -> None:
    """The source's tables stay fresh, for its own reads and for the way back: whatever the gateway does."""
    links.enable(step.pair.back)


def route_writes(step: Step) -> None:
    """The gateway sends writes, and reads, to the new owner; who comes the old way is carried on."""
    routing.to_owner(step)


def catch_up_back(step: Step) -> None:
    """The source has what was written since."""
    way_back.check(step)
    if not way_back.given_up(step):
        links.catch_up(step.pair.back, seconds=FOLLOW_SECONDS)


CUTOVER: tuple[Effect, ...] = table(
    agree_on_owner,
    check_following,
    compare_rows,
    prepare_way_back,
    hand_over,
    end_forward,
    follow_back,
    route_writes,
    catch_up_back,
)

CLOSE_CUTOVER: tuple[Effect, ...] = table(hand_over, end_forward, follow_back)
"""What a way back stands on, where a command was ended after the fence. Routes it leads back, and so leads
none to a target that may not be there."""


def check_following_back(step: Step) -> None:
    """The source has followed since the cutover: so it can take over."""
    _check(step, step.pair.back, step.state.source)


def prepare_way_forward(step: Step) -> None:
    """The forward slot and subscription again."""
    _prepare(step, step.pair.forward, step.state.source)


def route_reads_back(step: Step) -> None:
    """Reads go to the source, which still follows: once it owns, the target does not for a while."""
    routing.reads_to_old(step)


def hand_back(step: Step) -> None:
    """The same fence in the other direction."""
    _hand_over(step, ending=step.pair.back, beginning=step.pair.forward, phase="rollback")
    step.tell()


def route_back(step: Step) -> None:
    """The gateway sends everything to the source."""
    routing.all_old(step)


def end_back(step: Step) -> None:
    """The target is not followed any more."""
    links.drop(step.pair.back)


def follow_forward(step: Step) -> None:
    """The target's tables stay fresh, for the next attempt. Where they cannot, because the slot was lost,
    that keeps nobody from going further back: the source owns the domain."""
    try:
        links.enable(step.pair.forward)
        links.catch_up(step.pair.forward, seconds=FOLLOW_SECONDS)
    except NotHealthy as error:
        step.screen.note(f"{error}. {AFRESH}")


UNDO_CUTOVER: tuple[Effect, ...] = table(
    agree_on_owner,
    check_following_back,
    prepare_way_forward,
    route_reads_back,
    hand_back,
    route_back,
    end_back,
    follow_forward,
)

FENCED: tuple[tuple[str, Callable[[Fence], None]], ...] = (
    ("drain", Fence.drain),
    ("move_sequences", Fence.move_sequences),
    ("advance", Fence.advance),
    ("flip_giver", Fence.flip_giver),
    ("flip_taker", Fence.flip_taker),
)
"""What happens while writers wait, in this order. Up to `flip_giver` nothing has changed."""


def _check(step: Step, link: Link, taker: str) -> None:
    if step.owner() == taker:
        return  # handed over already, before an earlier command was ended
    way_back.check(step)
    try:
        links.catch_up(link, seconds=step.options.patience)
    except NotHealthy as error:
        again = f". {AFRESH}" if taker == step.state.target else ""
        raise StepError(f"No fence is put up for a follower that does not follow: {error}{again}") from error


def _prepare(step: Step, link: Link, taker: str) -> None:
    links.publish(link, published=step.pair.tables, claims=step.pair.claims, domain=step.domain)
    if step.owner() != taker and links.slot_exists(link):
        # Left by a command that was ended: to advance it now would take long inside the fence.
        links.drop(link)
    if step.owner() != taker:
        links.create_slot(link)
    links.subscribe(link)


def _hand_over(step: Step, *, ending: Link, beginning: Link, phase: str) -> None:
    handover = Handover(step.domain, step.pair.tables, ending, beginning, step.epoch() + 1)
    if fences.given(handover):
        return  # by a command that was ended afterwards
    held_up = 0.0
    for attempt in range(1, step.options.tries + 1):
        fence = Fence(handover, bound=step.options.bound)
        step.held.confirm()
        try:
            with fence.up():
                crash_point(f"{phase}.lock")
                for name, do in FENCED:
                    do(fence)
                    crash_point(f"{phase}.{name}")
                fence.announce(lambda: _announce(step, handover))
        except BackedOff as error:
            held_up += fence.pause.in_vain + fence.pause.total
            step.screen.note(f"try {attempt}: {error}")
            if attempt == step.options.tries:
                links.drop(beginning)
                raise StepError(
                    f"{error} Tried {attempt} times; run the command again when fewer write."
                ) from error
            time.sleep(REST_SECONDS)
        except NotReady:  # nor would it be at the next try
            links.drop(beginning)
            raise
        else:
            pause = fence.pause
            step.measured(
                phase,
                pause_ms=round(pause.total * 1000, 1),
                parts_ms={name: round(seconds * 1000, 1) for name, seconds in pause.parts.items()},
                lock_tries=pause.tries,
                attempts=attempt,
                held_up_ms=round((held_up + pause.in_vain) * 1000, 1),
            )
            step.screen.note(f"writers waited {pause.total * 1000:.0f} ms")
            return


def _announce(step: Step, handover: Handover) -> None:
    told = Domain(owner=handover.taker.host, epoch=handover.epoch)
    states.tell_in_a_hurry(step.store, step.domain, told)
