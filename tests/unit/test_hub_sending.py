"""Requests in line for a connection: in order, so many at once, handed back unsent when the receiver has failed."""

import threading
from collections.abc import Sequence

import pytest

from hub.central.couriers import Pool
from hub.central.sending import FRESH_MS, AtOnce, Sent, WaitingLine
from hub.central.target import Accepted, Draft, Item, Later, Outcome, Pace, Refused, Stopped
from tests.sim.targets import ScriptedTarget
from tests.waiting import wait_for


def draft(name: str) -> Draft:
    return Draft(Item(name, name, None, 0), name.encode())


def names(found: list[Sent]) -> list[tuple[str, bool]]:
    """Which came back, and whether they were sent."""
    return [(one.drafts[0].item.id, one.outcomes is not None) for one in found]


def test_so_many_go_at_once_and_the_next_when_one_has_come_back() -> None:
    line = WaitingLine(2)
    for name in "abc":
        line.add([draft(name)], 0)
    first, second = line.next(0), line.next(0)
    assert first
    assert second
    assert [first[0].item.id, second[0].item.id, line.next(0)] == ["a", "b", None]
    line.answered(Sent(second, [Accepted()]))
    third = line.next(0)
    assert third
    assert third[0].item.id == "c"
    assert names(line.take_back()) == [("b", True)]
    assert line.open() == 2


@pytest.mark.parametrize("outcome", [Later("503"), Stopped("401")])
def test_when_one_has_failed_nothing_that_waits_is_sent(outcome: Outcome) -> None:
    line = WaitingLine(1)
    for name in "abc":
        line.add([draft(name)], 0)
    going = line.next(0)
    assert going
    line.answered(Sent(going, [outcome]))
    assert line.next(0) is None
    line.add([draft("d")], 0)
    assert line.next(0) is None
    assert names(line.take_back()) == [("a", True), ("b", False), ("c", False), ("d", False)]
    assert line.open() == 0
    line.add([draft("e")], 0)
    assert line.next(0)


def test_a_refusal_is_about_one_record_alone() -> None:
    line = WaitingLine(1)
    line.add([draft("a")], 0)
    line.add([draft("b")], 0)
    going = line.next(0)
    assert going
    line.answered(Sent(going, [Refused("no such card")]))
    assert line.next(0)


def test_what_has_waited_too_long_to_be_true_now_is_handed_back() -> None:
    line = WaitingLine(1)
    line.add([draft("old")], 0)
    line.add([draft("new")], FRESH_MS)
    going = line.next(FRESH_MS + 1)
    assert going
    assert going[0].item.id == "new"
    assert names(line.take_back()) == [("old", False)]


def test_in_the_callers_thread_nothing_goes_after_a_failure_that_nobody_was_told_of() -> None:
    target = ScriptedTarget()
    target.script.append(Later("503"))
    sender = AtOnce(target)
    sender.start([draft("a")])
    sender.start([draft("b")])
    assert [(one.drafts[0].item.id, one.outcomes is not None) for one in sender.done(0)] == [("a", True), ("b", False)]
    sender.start([draft("c")])
    assert target.got == ["a", "c"]


def test_a_pool_sends_no_more_at_once_than_its_receiver_wants_and_nothing_after_a_failure() -> None:
    target = SlowTarget(Pace(connections=2))
    pool = Pool(target)
    for name in "abcdef":
        pool.start([draft(name)])
    wait_for("two are under way", lambda: len(target.at) == 2, 10.0)
    assert pool.under_way() == 6
    target.script.append(Later("503"))
    target.go.release()
    back = list(pool.done(10_000))
    while len(back) < 5:
        back += pool.done(10_000)
    assert sum(one.outcomes is None for one in back) == 4
    target.go.release()
    assert [one.outcomes for one in pool.done(10_000)] == [[Accepted()]]
    assert pool.under_way() == 0
    pool.close()


class SlowTarget(ScriptedTarget):
    """Answers when it is let."""

    def __init__(self, pace: Pace) -> None:
        super().__init__(pace)
        self.at: list[str] = []
        self.go = threading.Semaphore(0)

    def send(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        self.at.append(drafts[0].item.id)
        self.go.acquire()
        return super().send(drafts)
