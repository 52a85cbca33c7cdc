"""Trust in the clock: when it comes, when it jumps, and the right time of what was before (P10)."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gate.model import Moment
from gate.timekeeping import JUMP_MS, Correction, Timekeeper

WRONG_MS = 1_000
"""A Pi without a battery believes that it is 1970."""
RIGHT_MS = 1_781_500_000_000


def look(monotonic_ms: int, offset_ms: int, *, trusted: bool, boot: str = "boot-1") -> Moment:
    return Moment(boot, monotonic_ms, monotonic_ms + offset_ms, trusted=trusted)


def corrections(*moments: Moment) -> list[Correction | None]:
    keeper, found = Timekeeper(), []
    for moment in moments:
        keeper, correction = keeper.observe(moment)
        found.append(correction)
    return found


def test_p10_while_nothing_has_set_the_clock_nothing_is_said() -> None:
    assert corrections(*(look(at, WRONG_MS, trusted=False) for at in (0, 1_000, 90_000))) == [None, None, None]


def test_p10_when_trust_comes_the_offset_and_the_way_are_told_once() -> None:
    before = look(10_000, WRONG_MS, trusted=False)
    after = look(20_000, RIGHT_MS, trusted=True)
    later = look(30_000, RIGHT_MS, trusted=True)
    arrived = Correction("boot-1", RIGHT_MS, RIGHT_MS - WRONG_MS)
    assert corrections(before, after, later) == [None, arrived, None]


def test_p10_a_gate_that_starts_with_trust_says_so_at_once() -> None:
    assert corrections(look(5, RIGHT_MS, trusted=True)) == [Correction("boot-1", RIGHT_MS, 0)]


def test_p10_the_first_untrusted_time_gets_its_right_time_and_a_trusted_one_keeps_its_own() -> None:
    correction = Correction("boot-1", RIGHT_MS, 0)
    assert correction.right_wall_ms(look(10_000, WRONG_MS, trusted=False)) == RIGHT_MS + 10_000
    assert correction.right_wall_ms(look(10_000, WRONG_MS, trusted=True)) == WRONG_MS + 10_000


def test_p10_a_correction_says_nothing_of_another_boot() -> None:
    correction = Correction("boot-1", RIGHT_MS, 0)
    assert correction.right_wall_ms(look(10_000, WRONG_MS, trusted=False, boot="boot-0")) == WRONG_MS + 10_000


def test_p10_a_trusted_clock_that_jumps_is_told_both_ways() -> None:
    for jump_ms in (JUMP_MS + 1, -JUMP_MS - 1, 3_600_000, -3_600_000):
        moments = look(0, RIGHT_MS, trusted=True), look(1_000, RIGHT_MS + jump_ms, trusted=True)
        assert corrections(*moments)[1] == Correction("boot-1", RIGHT_MS + jump_ms, jump_ms)


def test_p10_a_clock_that_moves_by_the_limit_has_not_jumped() -> None:
    for step_ms in (JUMP_MS, -JUMP_MS):
        moments = look(0, RIGHT_MS, trusted=True), look(1_000, RIGHT_MS + step_ms, trusted=True)
        assert corrections(*moments)[1] is None


def test_p10_slewing_is_no_jump_however_long_it_lasts() -> None:
    """NTP slews by 500 ppm; looked at every second for a day, that is 43 s in all and never a word."""
    slewed = (
        look(second * 1_000, RIGHT_MS + second * 1_000 * 500 // 1_000_000, trusted=True) for second in range(86_400)
    )
    assert [found for found in corrections(*slewed) if found is not None] == [Correction("boot-1", RIGHT_MS, 0)]


def test_p10_a_reboot_begins_anew() -> None:
    second_boot = look(5, RIGHT_MS + 77, trusted=True, boot="boot-2")
    assert corrections(look(90_000, RIGHT_MS, trusted=True), second_boot)[1] == Correction("boot-2", RIGHT_MS + 77, 0)
    assert corrections(look(90_000, RIGHT_MS, trusted=True), replace(second_boot, trusted=False))[1] is None


def test_p10_trust_that_went_and_came_back_is_told_again() -> None:
    moments = (
        look(0, RIGHT_MS, trusted=True),
        look(1_000, RIGHT_MS, trusted=False),
        look(2_000, RIGHT_MS + 40, trusted=True),
    )
    assert corrections(*moments)[1:] == [None, Correction("boot-1", RIGHT_MS + 40, 40)]


times = st.integers(0, 10**9)
offsets = st.integers(-(10**12), 10**13)


@given(st.lists(st.tuples(times, offsets), min_size=1), offsets)
def test_p10_one_trusted_look_rights_every_moment_of_its_boot(
    untrusted: list[tuple[int, int]], right_offset_ms: int
) -> None:
    """However the untrusted clock was set back and forth before."""
    earlier = [look(monotonic_ms, wrong_ms, trusted=False) for monotonic_ms, wrong_ms in sorted(untrusted)]
    trusted = look(earlier[-1].monotonic_ms, right_offset_ms, trusted=True)
    correction = corrections(*earlier, trusted)[-1]
    assert correction is not None
    assert [correction.right_wall_ms(moment) for moment in earlier] == [
        moment.monotonic_ms + right_offset_ms for moment in earlier
    ]
