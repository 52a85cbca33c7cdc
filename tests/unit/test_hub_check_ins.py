"""What another system tells, beside what it told before."""

import pytest

from hub.check_ins import Change, Kept, Name, Taken, changes, taken
from hub.presence import ENTRY, EXIT, CardKey, CheckIn

CARD = CardKey("hms", "5310027")
CAME = CheckIn("a1", ENTRY, CARD, 1_000)
LEFT = CheckIn("a1", EXIT, CARD, 9_000)
MOVED = CAME._replace(at_ms=2_000)
GONE = CheckIn("a1", ENTRY, deleted=True)
KNOWN = {Name("a1", ENTRY): Kept(3, 1, CAME)}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([CAME], []),
        ([LEFT], [Change(None, Kept(8, 1, LEFT))]),
        ([LEFT, LEFT], [Change(None, Kept(8, 1, LEFT))]),
        ([MOVED], [Change(Kept(3, 1, CAME), Kept(8, 2, MOVED))]),
        ([GONE], [Change(Kept(3, 1, CAME), Kept(8, 2, CAME._replace(deleted=True)))]),
        # What was taken back before it was known never was, nor what was new and taken back in one answer.
        ([GONE._replace(theirs="b2")], []),
        ([LEFT._replace(theirs="b2"), LEFT._replace(theirs="b2", deleted=True)], []),
        # Put right and wrong again within one answer: nothing has changed.
        ([MOVED, CAME], []),
        ([GONE, CAME], []),
        ([MOVED, LEFT], [Change(Kept(3, 1, CAME), Kept(8, 2, MOVED)), Change(None, Kept(9, 1, LEFT))]),
    ],
)
def test_p3_only_what_is_new_or_has_changed_gets_a_number(told: list[CheckIn], expected: list[Change]) -> None:
    assert changes(KNOWN, told, 7) == expected


def test_what_was_taken_back_and_is_told_again_is_there_again() -> None:
    gone = {Name("a1", ENTRY): Kept(4, 2, CAME._replace(deleted=True))}
    assert changes(gone, [GONE], 4) == []
    assert [one.after for one in changes(gone, [CAME], 4)] == [Kept(5, 3, CAME)]


def test_changes_are_counted_by_their_kind() -> None:
    assert taken(changes(KNOWN, [MOVED, LEFT], 7)) == Taken(new=1, changed=1)
    assert taken(changes(KNOWN, [GONE], 7)) == Taken(withdrawn=1)
