"""What is done again and again, by clocks that somebody may put right."""

from hub.recurring import Recurring

HOUR_MS = 3_600_000


def test_it_is_due_at_first_and_then_every_so_often() -> None:
    look = Recurring(1_000)
    assert look.due(0)
    look.done(5_000)
    assert [look.due(now_ms) for now_ms in (5_000, 5_999, 6_000, 50_000)] == [False, False, True, True]


def test_p10_a_clock_that_is_put_back_does_not_end_it() -> None:
    """The hub's clock was an hour ahead until its time source came."""
    look = Recurring(1_000)
    look.done(HOUR_MS)
    assert look.due(HOUR_MS - 1)
    look.done(10)
    assert [look.due(now_ms) for now_ms in (500, 1_010)] == [False, True]
