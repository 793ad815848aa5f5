"""What counts as the fence's refusal."""

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.ownership import DomainMoved, moved

REFUSAL = DomainMoved("ledger", "new", 2)


def caused(error: Exception) -> Exception:
    error.__cause__ = REFUSAL
    return error


def test_a_refusal_is_found_behind_the_error_that_it_became() -> None:
    assert moved(REFUSAL) is REFUSAL
    assert moved(caused(ValueError())) is REFUSAL


def test_a_port_that_gave_up_is_none() -> None:
    """It has followed the domain for as long as it may: the request is not to be done again."""
    assert moved(caused(DomainUnavailable("ledger", "note", "it is moving"))) is None
