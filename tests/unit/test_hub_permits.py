"""Crew facts to permits: the words, the order, the memory, and the revisions."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Reason
from gate.uplink.contract import WirePermit, digest_of
from hub import permits
from hub.permits import NO_LIST, CardFacts, compile_permits, standing, succeed

facts = st.builds(
    CardFacts,
    scheme=st.just("hms"),
    number=st.text("0123456789", min_size=3, max_size=4),
    status=st.sampled_from(["ok", "blocked", "cancelled"]),
    listed=st.booleans(),
    company_approved=st.booleans(),
    training=st.booleans(),
)
crews = st.lists(facts, max_size=20, unique_by=lambda one: one.number)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, Reason.GRANTED),
        ({"training": False}, Reason.TRAINING_MISSING),
        ({"training": False, "company_approved": False}, Reason.COMPANY_NOT_APPROVED),
        ({"company_approved": False, "listed": False}, Reason.NOT_ON_CREW_LIST),
        ({"status": "cancelled", "listed": False}, Reason.CANCELLED),
        ({"status": "blocked", "listed": False, "training": False}, Reason.BLOCKED),
    ],
)
def test_the_gravest_objection_is_told(changes: dict[str, object], word: Reason) -> None:
    """The hub's words are the gate's words, and the gravest one stands."""
    assert standing(msgspec.convert({"scheme": "hms", "number": "1"} | changes, CardFacts)) == word.value


@given(crews, st.randoms(use_true_random=False))
def test_equal_facts_give_equal_lists(crew: list[CardFacts], random: Random) -> None:
    """The order in which a database gives its rows changes no byte."""
    shuffled = list(crew)
    random.shuffle(shuffled)
    assert compile_permits(shuffled) == compile_permits(crew)


@given(crews, crews)
def test_nobody_disappears(before: list[CardFacts], after: list[CardFacts]) -> None:
    """A card that was ever on a list has a permit for ever, if only to say that it is not on the list (P5)."""
    first = compile_permits(before)
    second = compile_permits(after, first)
    known = {permit.number: permit.standing for permit in second}
    assert known.keys() == {one.number for one in (*before, *after)}
    gone = {one.number for one in before} - {one.number for one in after}
    assert all(known[number] == permits.NOT_ON_CREW_LIST for number in gone)


@given(st.lists(crews, max_size=6))
def test_revisions_only_grow(history: list[list[CardFacts]]) -> None:
    """Each change is one revision more; no change is none; the digest is always that of the list."""
    current = NO_LIST
    for crew in history:
        following = succeed(current, compile_permits(crew, current.permits))
        changed = current.revision == 0 or following.permits != current.permits
        assert following.revision == current.revision + changed
        assert following.digest == digest_of(following.permits)
        current = following


def test_a_permit_names_no_person() -> None:
    """P12: what a gate gets has no field for a name or a birth date."""
    assert WirePermit.__struct_fields__ == (
        "scheme", "number", "standing", "valid_from", "valid_until", "card_expiry", "employer", "language", "groups",
    )  # fmt: skip
    assert not {"first_name", "last_name", "date_of_birth"} & set(CardFacts.__dataclass_fields__)
