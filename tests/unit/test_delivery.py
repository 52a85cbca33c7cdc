"""What answers make of a receiver, where several requests are under way at once."""

import pytest

from hub.central.delivery import Receiver, Rules, receiver_after
from hub.central.target import Accepted, Later, Outcome, Refused, Stopped
from portvakt.backoff import Backoff

RULES = Rules(20, Backoff(lambda: 0.5), Backoff(lambda: 0.5, 1_000, 300_000))


@pytest.mark.parametrize("other", [Accepted(), Refused("no"), Later("503")])
def test_a_wait_that_was_asked_for_outlasts_the_answer_of_another_connection(other: Outcome) -> None:
    asked_to_wait = receiver_after(Receiver(), [Later("429", after_ms=60_000)], 1_000, RULES)
    after = receiver_after(asked_to_wait, [other], 1_100, RULES)
    assert not after.may_send(60_999)
    assert after.may_send(61_000)


def test_p10_a_pause_ends_when_the_clock_is_put_back() -> None:
    """No receiver asks for more than a day (`hub.central.web`), so what lies further ahead comes from another clock."""
    ahead_ms = 400 * 86_400_000
    asked_to_wait = receiver_after(Receiver(), [Later("429", after_ms=86_400_000)], ahead_ms, RULES)
    assert not asked_to_wait.may_send(ahead_ms)
    assert asked_to_wait.may_send(ahead_ms - 1)


def test_a_stop_outlasts_the_answer_of_another_connection() -> None:
    stopped = receiver_after(Receiver(), [Stopped("401")], 1_000, RULES)
    assert receiver_after(stopped, [Accepted()], 1_100, RULES).stopped == "401"


def test_whoever_takes_something_is_there_again() -> None:
    failed = receiver_after(Receiver(), [Later("503")], 1_000, RULES)
    assert (failed.failures, failed.pause_until_ms, failed.words) == (1, 1_500, "503")
    back = receiver_after(failed, [Accepted()], 2_000, RULES)
    assert (back.failures, back.words, back.accepted_ms) == (0, "", 2_000)
    assert back.may_send(2_000)
