"""The register of cards: what its word does to the permit list, and that nothing else of it does anything."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.card_answers import CardStatus
from hub.central import oauth
from hub.central.alarms import AlarmWatch
from hub.central.overview import alarm_lines
from hub.person import Kept, erase
from hub.presence import CardKey
from hub.purging import Purge
from hub.retention import Limits, What
from hub.store import HubStore
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply
from tests.sim.registers import COMPANY, HOUR_MS, ZONE, Registered

Site = Callable[..., Registered]
CREW = [f"53100{place:02}" for place in range(10, 30)]


@pytest.fixture
def site(tmp_path: Path, store: HubStore) -> Iterator[Site]:
    with contextlib.ExitStack() as held:
        yield lambda **settings: Registered(tmp_path, store, held, **settings)


def test_p5_a_card_flips_both_ways_and_each_is_one_permit(site: Site) -> None:
    """Who leaves the employer is invalidated; who comes back is valid again."""
    yard = site()
    yard.crew(CREW)
    yard.settle()
    first = yard.store.revision()
    assert set(yard.standings().values()) == {"granted"}
    yard.says(CREW[0], "invalid")
    yard.night()
    assert yard.standings()[CREW[0]] == "cancelled"
    assert [permit.number for permit in yard.store.changes_since(first) or ()] == [CREW[0]]
    assert yard.counted(CREW[0]).answer.status is CardStatus.INVALIDATED  # type: ignore[union-attr]
    yard.says(CREW[0], "valid")
    second = yard.store.revision()
    yard.night()
    assert yard.standings()[CREW[0]] == "granted"
    assert [permit.number for permit in yard.store.changes_since(second) or ()] == [CREW[0]]
    # Nights in which nothing changes make no list.
    third = yard.store.revision()
    yard.night()
    assert yard.store.revision() == third


def test_what_a_person_blocked_stays_blocked_whatever_the_register_says(site: Site) -> None:
    yard = site()
    yard.crew(CREW)
    yard.block(CREW[0])
    yard.settle()
    yard.night()
    assert yard.counted(CREW[0]).counts == "ok"
    assert yard.standings()[CREW[0]] == "blocked"
    yard.says(CREW[0], "invalid")
    yard.night()
    assert yard.standings()[CREW[0]] == "blocked"
    yard.unblock(CREW[0])
    assert yard.standings()[CREW[0]] == "cancelled"
    yard.crew(CREW, status="blocked")
    yard.says(CREW[0], "valid")
    yard.night()
    assert set(yard.standings().values()) == {"blocked"}


def test_between_list_and_register_the_later_day_counts_and_of_one_day_the_register(site: Site) -> None:
    yard = site()
    yard.crew(CREW)
    yard.says(CREW[0], "invalid")
    yard.settle()
    assert yard.standings()[CREW[0]] == "cancelled"
    # A list that names no day, an earlier one, or this one, does not overrule who was asked.
    for day in (None, "2026-11-20", "2026-11-21"):
        yard.crew(CREW, status="ok", status_as_of=day)
        assert yard.standings()[CREW[0]] == "cancelled"
    yard.crew(CREW, status="ok", status_as_of="2026-11-22")
    assert yard.standings()[CREW[0]] == "granted"
    # Until the register is asked again, on that day or after it.
    yard.night()
    assert yard.standings()[CREW[0]] == "cancelled"
    yard.says(CREW[1], "valid")
    yard.crew(CREW, status="cancelled", status_as_of="2026-11-22")
    assert yard.standings()[CREW[1]] == "granted"
    yard.crew(CREW, status="cancelled", status_as_of="2026-11-23")
    assert yard.standings()[CREW[1]] == "cancelled"


def test_a_list_that_names_a_day_to_come_is_refused_instead_of_overruling_the_register_until_then(site: Site) -> None:
    yard = site()
    outcome = yard.crew(CREW[:3], status="ok", status_as_of="2062-01-01")
    assert not outcome.written
    assert str(outcome.problems[0]) == (
        "row 0, status_as_of: 2062-01-01 has not come yet; write the day on which the status was looked up"
    )


def test_a_card_that_is_new_on_the_list_and_one_that_nobody_knows_are_asked_for_soon(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:5])
    yard.settle()
    yard.says(CREW[6], "expired")
    yard.crew(CREW[:7])
    yard.settle()
    assert yard.standings()[CREW[6]] == "cancelled"
    yard.says("8675309", "blocked")
    yard.badges("8675309")
    yard.later(minutes=0.1)
    yard.settle()
    stranger = yard.counted("8675309")
    assert stranger.answer.status is CardStatus.BLOCKED  # type: ignore[union-attr]
    # It is on no list, so no permit comes of it; and it is not asked about at each badge.
    assert "8675309" not in yard.standings()
    asked = len(yard.double.asked)
    yard.badges("8675309")
    yard.later(hours=1)
    yard.settle()
    assert len(yard.double.asked) == asked
    # Whoever is let in then is known from before.
    yard.crew([*CREW[:7], "8675309"])
    assert yard.standings()["8675309"] == "cancelled"


def test_who_comes_back_to_the_list_after_months_is_asked_for_soon(site: Site) -> None:
    yard = site()
    yard.crew(CREW)
    yard.says(CREW[0], "invalid")
    yard.settle()
    yard.crew(CREW[1:])
    for _ in range(3):
        yard.night()
    asked_ms = yard.counted(CREW[0]).asked_ms
    assert yard.clock.now_ms - asked_ms > 60 * HOUR_MS
    yard.says(CREW[0], "valid")
    yard.crew(CREW)
    assert yard.standings()[CREW[0]] == "cancelled"
    asked = len(yard.double.asked)
    yard.settle()
    assert yard.double.asked[asked:] == [CREW[0]]
    assert yard.standings()[CREW[0]] == "granted"


def test_a_badge_that_a_gate_tells_of_late_is_seen_within_the_hour(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:2])
    yard.settle()
    yard.says("8675309", "valid")
    yard.badges("8675309", at_ms=yard.clock.now_ms - 20 * HOUR_MS)
    yard.later(hours=1, minutes=1)
    yard.settle()
    assert yard.counted("8675309").counts == "ok"


STATUSES = [
    ("valid", CardStatus.VALID, "granted"),
    ("Temporary", CardStatus.TEMPORARY, "granted"),
    ("expired", CardStatus.EXPIRED, "cancelled"),
    ("BLOCKED", CardStatus.BLOCKED, "cancelled"),
    ("cancelled", CardStatus.INVALIDATED, "cancelled"),
    ("Sperret", CardStatus.BLOCKED, "cancelled"),
    ("pending", CardStatus.PENDING, "granted"),
    ("under behandling", CardStatus.OTHER, "granted"),
    ("unknown", CardStatus.UNKNOWN, "granted"),
]


@pytest.mark.parametrize(("word", "status", "standing"), STATUSES)
def test_every_status_and_the_registers_own_word_beside_it(
    site: Site, word: str, status: CardStatus, standing: str
) -> None:
    yard = site(words={"sperret": "blocked"})
    yard.crew(CREW[:3])
    yard.says(CREW[0], word)
    yard.settle()
    answer = yard.counted(CREW[0]).answer
    assert answer is not None
    assert (answer.status, answer.words, answer.employer, answer.level) == (status, word, COMPANY, "number")
    assert yard.standings()[CREW[0]] == standing


def test_an_answer_that_says_nothing_leaves_the_last_one_that_did(site: Site) -> None:
    yard = site()
    yard.crew(CREW)
    yard.says(CREW[0], "invalid")
    yard.settle()
    yard.says(CREW[0], "under behandling")
    yard.night()
    assert yard.standings()[CREW[0]] == "cancelled"
    assert yard.counted(CREW[0]).answer.status is CardStatus.OTHER  # type: ignore[union-attr]
    yard.says(CREW[0], "valid")
    yard.night()
    assert yard.standings()[CREW[0]] == "granted"


SICK: list[tuple[list[Fault], str]] = [
    ([Fault(HTML)], "no JSON"),
    ([Fault(BROKEN)], "answers 500"),
    ([Fault(cut_after=10)], "RemoteProtocolError"),
    ([Fault(Reply(200, b'{"status": "inva'))], "no JSON"),
    ([Fault(Reply(200, b""))], "no JSON"),
    ([Fault(Reply(302, b"", headers={"Location": "https://elsewhere.example/"}))], "points to another address"),
    ([Fault(Reply(404, b"<html>proxy</html>", "text/html"))], "no JSON"),
    # With a new token as well: that is what is asked for between the two.
    ([Fault(Reply(401, b"{}")), Fault(), Fault(Reply(401, b"{}"))], "does not let us in"),
    ([Fault(Reply(403, b"{}"))], "does not let us in"),
]


@pytest.mark.parametrize(("faults", "words"), SICK)
def test_a_sick_register_changes_nothing_and_is_asked_again(site: Site, faults: list[Fault], words: str) -> None:
    yard = site()
    yard.crew(CREW[:4])
    yard.settle()
    before, kept = yard.store.permit_list(), yard.counted(CREW[0])
    for number in CREW[:4]:
        yard.says(number, "valid")
    yard.later(hours=24)
    yard.server.misbehave(*faults)
    yard.settle()
    assert words in yard.vigil.words
    assert yard.vigil.failures == 1
    assert yard.store.permit_list() == before
    assert yard.counted(CREW[0]) == kept
    yard.later(minutes=6)
    yard.settle()
    assert (yard.vigil.failures, yard.vigil.sweeping) == (0, False)
    assert yard.counted(CREW[3]).asked_ms > kept.asked_ms


def test_a_slow_register_changes_nothing(site: Site) -> None:
    yard = site(timeout_s=0.2)
    yard.crew(CREW[:4])
    yard.server.misbehave(Fault(), Fault(slow_s=30))
    yard.settle()
    assert "ReadTimeout" in yard.vigil.words
    assert yard.answer(CREW[0]) is None
    yard.later(minutes=6)
    yard.settle()
    assert yard.counted(CREW[0]).counts == "ok"


def test_retry_after_is_obeyed_to_the_second(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:4])
    yard.server.misbehave(Fault(), Fault(), Fault(Reply(429, b"{}", headers={"Retry-After": "77"})))
    yard.settle()
    asked = len(yard.server.requests)
    assert yard.counted(CREW[0]).counts == "ok"
    yard.later(minutes=76 / 60)
    yard.settle()
    assert len(yard.server.requests) == asked
    yard.later(minutes=2 / 60)
    yard.settle()
    assert yard.counted(CREW[3]).counts == "ok"


def test_an_error_inside_an_answer_is_the_cards_and_many_in_a_row_are_the_registers(site: Site) -> None:
    yard = site()
    yard.crew(CREW)
    refusal = Fault(Reply(200, b'{"error": "internal", "status": "invalid"}'))
    yard.server.misbehave(Fault(), refusal, Fault(Reply(400, b'{"message": "bad number"}')))
    yard.settle()
    assert yard.counted(CREW[0]).failure == "an error inside the answer: internal"
    assert yard.counted(CREW[1]).failure == "answers 400 bad number"
    assert (yard.counted(CREW[0]).counts, yard.counted(CREW[2]).counts) == (None, "ok")
    assert set(yard.standings().values()) == {"granted"}
    yard.later(hours=24)
    yard.server.misbehave(*[refusal] * 10)
    yard.settle()
    assert "5 cards in a row without an answer" in yard.vigil.words
    # What was known stays, with its age.
    assert yard.counted(CREW[5]).counts == "ok"


def test_p12_a_number_that_the_register_repeats_is_not_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hub")
    yard = site()
    yard.crew(CREW)
    refusals = [Fault(Reply(400, json.dumps({"message": f"no card {number} here"}).encode())) for number in CREW]
    yard.server.misbehave(Fault(), *refusals)
    yard.settle()
    assert "the last: answers 400 no card the card here" in caplog.text
    assert not any(number in caplog.text for number in CREW)


def test_an_answer_about_another_card_is_none(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:2])
    other = json.dumps({"cardNumber": CREW[1], "status": "invalid"}).encode()
    yard.server.misbehave(Fault(), Fault(Reply(200, other)))
    yard.settle()
    assert yard.counted(CREW[0]).failure == "an answer about another card"
    assert yard.standings()[CREW[0]] == "granted"


def test_p1_a_register_gone_mad_locks_nobody_out(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Until somebody says that it is not mad."""
    yard = site(may_invalidate=0.2)
    yard.crew(CREW)
    yard.settle()
    revision = yard.store.revision()
    for number in CREW[:5]:
        yard.says(number, "invalid")
    yard.night()
    assert yard.store.revision() == revision
    assert set(yard.standings().values()) == {"granted"}
    yard.settle()
    assert yard.alarm("register.held")
    assert "not_valid=5 of=20" in caplog.text
    assert [yard.counted(number).held for number in CREW[:6]] == [True] * 5 + [False]
    # A restart does not forget it, and one that has come to itself is believed at once.
    yard.watch = yard.started()
    yard.says(CREW[4], "valid")
    yard.night()
    assert [yard.standings()[number] for number in CREW[:6]] == ["cancelled"] * 4 + ["granted"] * 2
    yard.settle()
    assert not yard.alarm("register.held")


def test_a_new_list_of_cards_that_are_all_refused_is_held_back_as_well(site: Site) -> None:
    yard = site(per_second=1)
    for number in CREW:
        yard.says(number, "invalid")
    yard.crew(CREW)
    yard.settle()
    assert set(yard.standings().values()) == {"granted"}
    assert all(yard.counted(number).held for number in CREW)


def test_a_sweep_goes_on_where_it_was_after_a_restart(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hub")
    yard = site(per_second=1)
    yard.crew(CREW)
    yard.settle()
    yard.says(CREW[0], "invalid")
    yard.later(hours=24)
    yard.watch.turn(yard.clock.pause)
    began_ms = yard.vigil.sweep_began_ms
    assert yard.counted(CREW[0]).held
    asked = len(yard.double.asked)
    yard.watch.close()
    yard.watch = yard.started()
    yard.settle()
    assert len(yard.double.asked) - asked == len(CREW) - 5
    assert yard.vigil.sweep_began_ms == began_ms
    assert not yard.vigil.sweeping
    assert yard.standings()[CREW[0]] == "cancelled"
    assert "card_sweep=begun cards=20" in caplog.text
    assert "card_sweep=done not_valid=1 held=0" in caplog.text
    # No name, and no number of a card (P12).
    assert not any(number in caplog.text for number in CREW)


def test_the_rate_is_bounded_and_a_stop_is_heard_between_two_questions(site: Site) -> None:
    yard = site(per_second=2)
    yard.crew(CREW)
    began_ms = yard.clock.now_ms
    yard.settle()
    assert yard.clock.now_ms - began_ms >= len(CREW) * 500
    yard.later(hours=24)
    asked = len(yard.double.asked)
    yard.watch.turn(lambda _: True)
    assert len(yard.double.asked) == asked + 1
    assert yard.counted(yard.double.asked[-1]).asked_ms == yard.clock.now_ms


def test_a_clock_that_was_a_year_ahead_stops_nothing(site: Site) -> None:
    yard = site()
    yard.later(hours=24 * 365)
    yard.crew(CREW[:3])
    yard.settle()
    yard.server.misbehave(Fault(Reply(429, b"{}", headers={"Retry-After": "3600"})))
    yard.night()
    yard.later(hours=-24 * 366)
    asked = len(yard.double.asked)
    yard.settle()
    assert len(yard.double.asked) == asked + 3
    assert yard.counted(CREW[0]).asked_ms <= yard.clock.now_ms
    yard.night()
    assert len(yard.double.asked) == asked + 6


def test_p10_strangers_are_asked_for_when_the_clock_is_put_back_under_way(site: Site) -> None:
    """The same hub goes on; no restart makes it forget what it meant to do next year."""
    yard = site()
    yard.crew(CREW)
    yard.settle()
    yard.clock.now_ms += 365 * 24 * HOUR_MS
    yard.settle()
    yard.clock.now_ms -= 365 * 24 * HOUR_MS
    yard.says("8675309", "blocked")
    yard.badges("8675309")
    yard.later(minutes=1)
    yard.settle()
    assert "8675309" in yard.double.asked


def test_silence_is_an_alarm_in_time_and_its_end_is_told(site: Site) -> None:
    yard = site(old_after_h=36)
    yard.crew(CREW[:3])
    yard.settle()
    answered_ms = yard.counted(CREW[0]).answered_ms
    yard.server.misbehave(*[Fault(BROKEN)] * 400)
    yard.later(hours=24)
    yard.settle()
    assert not yard.alarm("register.silent")
    for _ in range(3):
        yard.later(minutes=6)
        yard.settle()
    assert yard.alarm("register.silent")
    assert yard.counted(CREW[0]).answered_ms == answered_ms
    yard.server.behave()
    yard.later(minutes=6)
    yard.settle()
    yard.later(minutes=1)
    yard.settle()
    assert not yard.alarm("register.silent")


def test_a_secret_that_is_wrong_or_missing_is_told_at_once_and_mended_without_a_restart(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tokens go by a clock that cannot be moved here.
    monkeypatch.setattr(oauth, "REFUSED_RETRY_S", 0.0)
    yard = site()
    yard.crew(CREW[:3])
    yard.secret.unlink()
    yard.settle()
    assert "cannot be read" in yard.vigil.words
    yard.later(minutes=1)
    yard.settle()
    assert yard.alarm("register.silent")
    yard.secret.write_text("wrong")
    yard.secret.chmod(0o600)
    yard.later(minutes=2)
    yard.settle()
    assert "check client_id, secret_file" in yard.vigil.words
    assert set(yard.standings().values()) == {"granted"}
    yard.secret.write_text("portvakt-double")
    yard.later(minutes=6)
    yard.settle()
    assert yard.counted(CREW[0]).counts == "ok"


def test_the_chips_serial_number_asks_for_more_and_only_what_is_needed_is_kept(site: Site) -> None:
    yard = site(code_path="cards/by-code/{code}", chip_serial_is_code=True)
    yard.crew(CREW[:2])
    yard.double.cards[CREW[0]] |= {"code": "04a1b2c3", "expiry": "2027-05-31T00:00:00", "name": "Ada Nordli"}
    yard.passes(CREW[0], "04a1b2c3")
    yard.settle()
    answer = yard.counted(CREW[0]).answer
    assert answer is not None
    assert (answer.level, answer.expiry) == ("code", "2027-05-31")
    assert yard.double.asked == ["04a1b2c3", CREW[1]]
    with yard.store.reading() as connection:
        assert "Ada Nordli" not in repr(connection.exec_driver_sql("SELECT * FROM card_answers").all())


def test_p12_what_the_register_said_goes_with_the_passages_of_strangers_and_with_the_list(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:2])
    yard.settle()
    yard.says("8675309", "blocked")
    yard.badges("8675309")
    yard.later(minutes=1)
    yard.settle()
    purge = Purge("yard", yard.store, Ed25519PrivateKey.generate(), Limits(90, 365, date(2026, 11, 30), ZONE))
    later_ms = yard.clock.now_ms + 91 * 24 * HOUR_MS
    assert purge.all(later_ms)[What.PASSAGES].counts["card_answers"] == 1
    assert yard.answer("8675309") is None
    assert yard.answer(CREW[0]) is not None
    gone = purge.all(later_ms + 365 * 24 * HOUR_MS)[What.CREW]
    assert gone.counts["card_answers"] == 2
    assert yard.answer(CREW[0]) is None


def test_p12_somebody_who_left_and_asks_is_forgotten_by_the_register_part_as_well(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:3])
    yard.settle()
    purge = Purge("yard", yard.store, Ed25519PrivateKey.generate(), Limits(90, 365, None, ZONE))
    kept = Kept(90, 365, None, None)
    card = CardKey("hms", CREW[0])
    erase(yard.store, purge, card, kept, ("kari", yard.clock.now_ms))
    assert yard.answer(CREW[0]) is not None
    yard.crew(CREW[1:3])
    erased = erase(yard.store, purge, card, kept, ("kari", yard.clock.now_ms))
    assert erased.gone.counts["card_answers"] == 1
    assert yard.answer(CREW[0]) is None


def test_the_watch_over_deliveries_ends_no_alarm_of_the_register(site: Site) -> None:
    yard = site()
    yard.crew(CREW[:3])
    yard.secret.unlink()
    yard.settle()
    yard.later(minutes=1)
    yard.settle()
    AlarmWatch(yard.store, ()).look(yard.clock.now_ms)
    assert yard.alarm("register.silent")
    assert [one.name for one in alarm_lines(yard.store)] == ["register.silent"]
