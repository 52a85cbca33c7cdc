"""Blocks for all sites, as one message of a site: who is believed, and what a book changes."""

import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from hub.central.siblings.book import (
    Book,
    BookCard,
    Limits,
    NotBelieved,
    Step,
    Stranger,
    believed,
    book_of,
    sealed,
    step,
)
from hub.presence import CardKey
from hub.records import HeardBlock, ToldBlock

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
KEYS = {"dock": KEY.public_key()}
NOW_MS = 1_790_000_000_000
PLENTY = Limits(NOW_MS, 1000, 0)


def told(number: str, at_ms: int = NOW_MS, *, blocked: bool = True, reason: str = "lost") -> ToldBlock:
    return ToldBlock("hms", number, at_ms, blocked, reason, "kari")


def book(*cards: ToldBlock, made_ms: int = NOW_MS) -> Book:
    return book_of("dock", made_ms, cards)


Known = dict[CardKey, HeardBlock]


def after(known: Known, found: Step) -> Known:
    kept = dict(known)
    for one in found.lift:
        del kept[CardKey(one.scheme, one.number)]
    for one in found.write:
        kept[CardKey(one.scheme, one.number)] = one
    return kept


def test_p8_what_the_hub_has_signed_is_believed_and_nothing_else() -> None:
    payload = sealed(book(told("1"), told("2", blocked=False)), KEY)
    assert believed(payload, KEYS) == book(told("1"), told("2", blocked=False))
    with pytest.raises(NotBelieved, match="not signed by the key of that hub"):
        believed(sealed(book(told("1")), OTHER), KEYS)
    with pytest.raises(Stranger, match="quay"):
        believed(sealed(book_of("quay", NOW_MS, ()), OTHER), KEYS)
    event = json.loads(payload)
    event["data_base64"] = base64.b64encode(msgspec.json.encode(book(told("3")))).decode()
    with pytest.raises(NotBelieved, match="not signed"):
        believed(json.dumps(event).encode(), KEYS)
    for missing in ("signature", "data_base64", "type", "specversion"):
        unsigned = {name: value for name, value in event.items() if name != missing}
        with pytest.raises(NotBelieved, match="is no signed list"):
            believed(json.dumps(unsigned).encode(), KEYS)
    # A signature of the same key over the same words, made for another purpose.
    bare = KEY.sign(base64.b64decode(event["data_base64"]))
    with pytest.raises(NotBelieved, match="not signed"):
        believed(json.dumps(event | {"signature": base64.b64encode(bare).decode()}).encode(), KEYS)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_p9_whatever_comes_is_refused_in_words(payload: bytes) -> None:
    with pytest.raises(NotBelieved, match="is no signed list"):
        believed(payload, KEYS)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_p8_no_byte_of_a_message_can_be_changed(place: int, flip: int) -> None:
    payload = bytearray(sealed(book(told("1")), KEY))
    payload[place % len(payload)] ^= flip
    try:
        found = believed(bytes(payload), KEYS)
    except (NotBelieved, Stranger):
        return
    # What is not signed says nothing that counts: id, source, time.
    assert found == book(told("1"))


def test_p12_what_goes_out_holds_no_identity_number_and_nothing_of_who_is_lifted() -> None:
    said = book(told("1", reason="01010112345 " + "x" * 500), told("2", blocked=False, reason="fought"))
    assert "01010112345" not in msgspec.json.encode(said).decode()
    assert [len(one.reason) for one in said.cards] == [200, 0]
    assert said.cards[1].by == ""


def test_p12_what_comes_in_is_looked_at_as_strictly() -> None:
    bad = [
        BookCard(scheme="hms", number="01010112345", at_ms=NOW_MS, state="blocked"),
        BookCard(scheme="hms", number="12\n34", at_ms=NOW_MS, state="blocked"),
        BookCard(scheme="hms", number="12", at_ms=5, state="blocked"),
        BookCard(scheme="hms", number="13", at_ms=NOW_MS, state="blocked", reason="01010112345", by="a\x1bb"),
        BookCard(scheme="hms", number="14", at_ms=10**30, state="blocked"),
    ]
    found = step(Book(site="dock", made_ms=NOW_MS, cards=tuple(bad)), {}, PLENTY)
    assert [one.number for one in found.write] == ["13"]
    assert (found.write[0].reason, found.write[0].said_by) == ("…", "a�b")
    assert found.aside == (
        "cards.0.number: holds what may not be stored here",
        "cards.1.number: holds what may not be stored here",
        "cards.2.at_ms: lies before the year 2000, or after 2099",
        "cards.4.at_ms: lies before the year 2000, or after 2099",
    )


def test_many_at_once_are_held_and_none_of_them_counts() -> None:
    limits = Limits(NOW_MS, at_once=3, lately=0)
    few = step(book(*map(told, "123")), {}, limits)
    assert [one.counts for one in few.write] == [True] * 3
    many = step(book(*map(told, "1234")), {}, limits)
    assert (many.held, [one.counts for one in many.write]) == (4, [False] * 4)
    # One by one makes no difference within a day.
    assert step(book(told("4")), after({}, few), limits._replace(lately=3)).held == 1
    # What waits is lifted without a word from here, and another reason does not let it count.
    known = after({}, many)
    assert not step(book(told("1", NOW_MS + 1)), known, limits).write[0].counts
    assert len(step(book(told("1", NOW_MS + 1, blocked=False)), known, limits).lift) == 1


def test_what_was_overruled_stays_so_until_it_is_blocked_anew() -> None:
    (heard,) = step(book(told("1")), {}, PLENTY).write
    known = {CardKey("hms", "1"): replace(heard, overruled_ms=NOW_MS, overruled_by="ola", overruled_because="typo")}
    assert step(book(told("1"), made_ms=NOW_MS + 9), known, PLENTY) == Step()
    (anew,) = step(book(told("1", NOW_MS + 5)), known, PLENTY).write
    assert anew.counts


def test_p5_a_card_that_a_book_no_longer_names_stays_blocked() -> None:
    """A hub that has lost its disk, or was restored from a backup, lifts nothing."""
    known = after({}, step(book(told("1")), {}, PLENTY))
    assert step(book(made_ms=NOW_MS + 1), known, PLENTY) == Step()


changes = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12)


@given(changes, st.data())
def test_p5_replayed_and_lost_books_change_nothing(said: list[tuple[str, bool]], data: Any) -> None:
    """Whatever books come, and come again, in whatever order: when the newest has been taken, the cards are blocked
    that are blocked at its site."""
    books, state = [], {}
    for place, (number, blocked) in enumerate(said, start=1):
        state[number] = told(number, NOW_MS + place, blocked=blocked)
        books.append(book(*state.values(), made_ms=NOW_MS + place))
    brought = [*data.draw(st.lists(st.sampled_from(books), max_size=20)), books[-1]]
    brought += data.draw(st.lists(st.sampled_from(books), max_size=5))
    known: Known = {}
    newest = 0
    for one in brought:
        if one.made_ms > newest:
            known, newest = after(known, step(one, known, PLENTY)), one.made_ms
    assert {card.number for card in known} == {number for number, last in state.items() if last.blocked}


@given(changes)
def test_a_book_that_is_taken_twice_changes_nothing(said: list[tuple[str, bool]]) -> None:
    cards = [told(number, NOW_MS + place, blocked=blocked) for place, (number, blocked) in enumerate(said)]
    known = after({}, step(book(*cards), {}, PLENTY))
    assert step(book(*cards), known, PLENTY) == Step()
