"""What hosts say to each other when they send a request on."""

import hashlib
import hmac

import pytest

from strangler.chassis.forwarding.headers import FORWARDED, SIGNATURE, Note, forwarded, is_signed, read

NOTE = Note("old", "ledger", 2)


def test_a_note_is_read_as_it_was_written_whether_signed_or_not() -> None:
    """So a host of an older version reads it too."""
    for key in ("", "key"):
        assert read(forwarded(NOTE, to="new", key=key)[FORWARDED]) == NOTE


def test_a_signature_is_of_one_note_to_one_host_with_one_key() -> None:
    signature = forwarded(NOTE, to="new", key="key")[SIGNATURE]
    assert is_signed(NOTE, signature, to="new", key="key")
    assert not is_signed(Note("old", "ledger", 3), signature, to="new", key="key")
    assert not is_signed(Note("old", "books", 2), signature, to="new", key="key")
    assert not is_signed(NOTE, signature, to="old", key="key")
    assert not is_signed(NOTE, signature, to="new", key="other")


@pytest.mark.parametrize("signature", [None, "", "é", "75"])
def test_what_is_no_signature(signature: str | None) -> None:
    assert not is_signed(NOTE, signature, to="new", key="key")


def test_a_host_without_the_key_signs_nothing_and_believes_nothing() -> None:
    """Anybody can sign with an empty key."""
    assert SIGNATURE not in forwarded(NOTE, to="new", key="")
    by_nobody = hmac.new(b"", f"{NOTE};new".encode(), hashlib.sha256).hexdigest()
    assert not is_signed(NOTE, by_nobody, to="new", key="")


@pytest.mark.parametrize(
    "header", [None, "", "old;ledger", "old;ledger;x", "old;ledger;²", "old;ledger;" + "9" * 5000]
)
def test_what_is_no_note(header: str | None) -> None:
    assert read(header) is None
