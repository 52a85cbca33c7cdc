"""Gates go first: couriers rest while a backlog comes in, for a share of the time, and never for good."""

import pytest

from hub.central.precedence import BACKLOG_BYTES, LONGEST_REST_S, SHARE, Precedence

PATIENCE_S = 1_800.0


def taking_in(precedence: Precedence, work_s: float, pause_s: float, size: int = BACKLOG_BYTES) -> None:
    """For ten seconds commits of so long, with so much between them."""
    from_s = 0.0
    while from_s < 10.0:
        precedence.begins(size, from_s)
        precedence.ends(from_s + work_s)
        from_s += work_s + pause_s


def test_live_badges_are_no_rush_however_slow_the_disk() -> None:
    precedence = Precedence(3)
    taking_in(precedence, work_s=0.5, pause_s=0.05, size=1_000)
    assert precedence.rest_s(0.05, 10.0, PATIENCE_S) == 0.0


def test_a_batch_now_and_then_is_no_rush() -> None:
    precedence = Precedence(3)
    taking_in(precedence, work_s=0.02, pause_s=0.05)
    assert precedence.rest_s(0.05, 10.0, PATIENCE_S) == 0.0


@pytest.mark.parametrize("couriers", [1, 3, 8])
def test_in_a_rush_all_couriers_together_take_their_share(couriers: int) -> None:
    precedence = Precedence(couriers)
    taking_in(precedence, work_s=0.02, pause_s=0.001)
    rest_s = precedence.rest_s(0.01, 10.0, PATIENCE_S)
    assert couriers * 0.01 / (0.01 + rest_s) == pytest.approx(SHARE, rel=0.3)


def test_a_single_long_commit_is_a_rush_before_it_has_ended() -> None:
    precedence = Precedence(3)
    precedence.begins(BACKLOG_BYTES, 0.0)
    assert precedence.rest_s(0.05, 0.05, PATIENCE_S) == 0.0
    assert precedence.rest_s(0.05, 1.0, PATIENCE_S) > 0.0


def test_a_rush_is_over_soon_after_its_end() -> None:
    precedence = Precedence(3)
    taking_in(precedence, work_s=0.02, pause_s=0.001)
    assert precedence.rest_s(0.05, 10.5, PATIENCE_S) == 0.0


def test_nobody_rests_longer_than_so_long() -> None:
    precedence = Precedence(3)
    precedence.begins(BACKLOG_BYTES, 0.0)
    assert precedence.rest_s(60.0, 10.0, PATIENCE_S) == LONGEST_REST_S


def test_in_a_rush_longer_than_its_patience_a_courier_rests_no_more() -> None:
    precedence = Precedence(3)
    precedence.begins(BACKLOG_BYTES, 0.0)
    assert precedence.rest_s(0.05, 1_700.0, PATIENCE_S) > 0.0
    assert precedence.rest_s(0.05, 1_900.0, PATIENCE_S) == 0.0
    precedence.ends(1_900.0)
    assert precedence.rest_s(0.05, 1_901.0, PATIENCE_S) == 0.0
    precedence.begins(BACKLOG_BYTES, 2_000.0)
    assert precedence.rest_s(0.05, 2_001.0, PATIENCE_S) > 0.0
