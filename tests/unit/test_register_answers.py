"""What registers say, to our words, and what follows; pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.card_answers import (
    Answer,
    Asking,
    CardAnswer,
    CardStatus,
    effective,
    heard,
    not_heard,
    released,
    too_many,
    verdict,
)
from hub.central.registers.card_reading import NoAnswer, Reading, meaning, read_answer
from hub.central.registers.vigil import CLOSED_MS, PATIENCE_MS, Vigil, last_hour
from hub.company_answers import (
    CompanyAnswer,
    NotUnderstood,
    deleted,
    main_unit,
    of_sub_unit,
    read_unit,
    register_status,
    unknown,
)
from hub.organisation_number import fits
from hub.presence import CardKey
from portvakt.backoff import Backoff
from tests.sim.registers import ZONE
from tests.unit.test_hub_presence import oslo

CARD = CardKey("hms", "5310027")
NOT_VALID = (CardStatus.EXPIRED, CardStatus.BLOCKED, CardStatus.INVALIDATED)
COMPANY, OTHER = "310451274", "123456785"
READING = Reading("status", "cardNumber", "company.organisationNumber", "validTo", "error")


def asking(day: str = "2026-11-21") -> Asking:
    return Asking(CARD, 1_000, day, NOT_VALID)


def said(status: CardStatus) -> Answer:
    return Answer(status, status.value)


WEIGHED = [
    # The list says, as of; the register says, as of; what counts.
    ("ok", None, None, None, "ok"),
    ("ok", None, "cancelled", "2026-01-01", "cancelled"),
    ("cancelled", None, "ok", "2026-01-01", "ok"),
    ("cancelled", "2026-05-05", "ok", "2026-05-05", "ok"),
    ("cancelled", "2026-05-06", "ok", "2026-05-05", "cancelled"),
    ("ok", "2026-05-06", "cancelled", "2026-05-05", "ok"),
    ("blocked", None, "ok", "2026-05-05", "blocked"),
    ("cancelled", "2026-05-05", None, None, "cancelled"),
]


@pytest.mark.parametrize(("status", "day", "counts", "counts_day", "after"), WEIGHED)
def test_list_and_register_are_weighed_by_day(
    status: str, day: str | None, counts: str | None, counts_day: str | None, after: str
) -> None:
    assert effective(status, day, counts, counts_day) == after


statuses = st.sampled_from(list(CardStatus))


@given(st.lists(statuses, max_size=8))
def test_only_an_explicit_answer_changes_what_counts(answers: list[CardStatus]) -> None:
    """Without a round that ends nothing ever counts as not valid; what was good stays good until then."""
    kept: CardAnswer | None = None
    for status in answers:
        before = kept.counts if kept else None
        kept = heard(kept, asking(), said(status))
        assert kept.counts == ("ok" if verdict(status, NOT_VALID) == "ok" else before)
        assert kept.held is (verdict(status, NOT_VALID) == "cancelled")
        assert not_heard(kept, asking(), "away").counts == kept.counts


def test_what_is_released_counts_and_needs_no_release_again() -> None:
    kept = released(heard(None, asking(), said(CardStatus.EXPIRED)), "2026-11-21")
    assert (kept.counts, kept.counts_day, kept.held) == ("cancelled", "2026-11-21", False)
    again = heard(kept, asking("2026-11-22"), said(CardStatus.BLOCKED))
    assert (again.counts, again.counts_day, again.held) == ("cancelled", "2026-11-22", False)
    silent = not_heard(again, asking(), "away")
    assert (silent.failure, silent.answer) == ("away", again.answer)
    assert heard(silent, asking(), said(CardStatus.VALID)).failure is None


@pytest.mark.parametrize(
    ("turned", "valid", "refused"), [(3, 3, False), (4, 4, True), (4, 80, False), (5, 80, True), (50, 1000, False)]
)
def test_a_few_are_believed_and_a_share_of_many(turned: int, valid: int, refused: bool) -> None:
    assert too_many(turned, valid, 0.05, 3) is refused


def test_an_answer_is_read_and_nothing_else_of_it() -> None:
    body = {
        "cardNumber": "05310027", "status": "Invalid", "company": {"organisationNumber": 310451274, "name": "Vinkel"},
        "validTo": "2027-05-31T00:00:00Z", "name": "Ada Nordli", "error": None,
    }  # fmt: skip
    assert read_answer(body, READING, "5310027", "code") == Answer(
        CardStatus.INVALIDATED, "Invalid", "code", COMPANY, "2027-05-31"
    )


NO_ANSWERS: list[tuple[Any, str]] = [
    ({}, "another card"),
    ({"cardNumber": "5310027"}, "no status in the answer; is card_register.status_field"),
    ({"cardNumber": "5310027", "status": {"code": 1}}, "no status"),
    ({"cardNumber": "5310027", "status": "  "}, "no status"),
    ({"cardNumber": "5310028", "status": "valid"}, "another card"),
    ({"cardNumber": "5310027", "status": "valid", "error": "quota"}, "an error inside the answer: quota"),
    ({"cardNumber": "5310027", "status": "valid", "error": {"code": 7}}, "an error inside the answer: an object"),
    ([], "another card"),
    ("valid", "another card"),
    (None, "another card"),
]


@pytest.mark.parametrize(("body", "words"), NO_ANSWERS)
def test_what_does_not_tell_this_cards_status_is_no_answer(body: Any, words: str) -> None:
    with pytest.raises(NoAnswer, match=words):
        read_answer(body, READING, "5310027", "number")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
fields = st.fixed_dictionaries({}, optional=dict.fromkeys(("status", "cardNumber", "company", "validTo"), json_values))


@given(json_values | fields)
def test_whatever_is_answered_is_an_answer_or_none(body: Any) -> None:
    try:
        answer = read_answer(body, READING._replace(number=None), None, "number")
    except NoAnswer:
        return
    assert len(answer.words) <= 120
    assert answer.words.isprintable()


def test_words_are_the_settings_then_the_guidances_and_never_an_identity_number() -> None:
    words = {"Gyldig": CardStatus.VALID, "cancelled": CardStatus.BLOCKED, "true": CardStatus.VALID}
    assert meaning(" GYLDIG ", words) is CardStatus.VALID
    assert meaning("Cancelled", words) is CardStatus.BLOCKED
    assert meaning("Cancelled", {}) is CardStatus.INVALIDATED
    assert meaning(str(True), words) is CardStatus.VALID
    assert meaning("something new", {}) is CardStatus.OTHER
    found = read_answer({"status": "eier 13097248022"}, Reading("status"), None, "number")
    assert "13097248022" not in found.words


def test_a_path_leads_into_objects_and_lists() -> None:
    body = {"cards": [{"state": "valid"}, {"state": "expired"}]}
    assert read_answer(body, Reading("cards.1.state"), None, "number").status is CardStatus.EXPIRED
    with pytest.raises(NoAnswer):
        read_answer(body, Reading("cards.7.state"), None, "number")


UNIT = {
    "organisasjonsnummer": COMPANY, "navn": "VINKEL BYGG AS", "organisasjonsform": {"kode": "AS"}, "konkurs": False,
    "underAvvikling": False, "underTvangsavviklingEllerTvangsopplosning": False, "registrertIMvaregisteret": True,
    "registrertIForetaksregisteret": True,
}  # fmt: skip
UNITS = [
    ({}, "ok", ""),
    ({"konkurs": True, "konkursdato": "2026-01-01"}, "bankrupt", "konkurs"),
    ({"konkurs": True, "underAvvikling": True}, "bankrupt", "konkurs"),
    ({"underAvvikling": True}, "dissolving", "underAvvikling"),
    ({"underTvangsavviklingEllerTvangsopplosning": True}, "dissolving", "underTvangsavviklingEllerTvangsopplosning"),
    (
        {"tvangsopplostPgaManglendeRevisorDato": "2026-02-02"},
        "dissolving",
        "tvangsopplostPgaManglendeRevisorDato",
    ),
    ({"slettedato": "2026-03-03", "konkurs": True}, "deleted", "slettedato 2026-03-03"),
    # Only what is said in so many words.
    ({"konkurs": "ja", "underAvvikling": 1}, "ok", ""),
]


@pytest.mark.parametrize(("changed", "status", "words"), UNITS)
def test_a_companys_status(changed: dict[str, Any], status: str, words: str) -> None:
    found = read_unit(UNIT | changed, COMPANY, 7)
    assert (found.status, found.words) == (status, words)
    assert (found.name, found.form, found.vat, found.business_register) == ("VINKEL BYGG AS", "AS", True, True)


@pytest.mark.parametrize("body", [None, [], "x", {}, UNIT | {"organisasjonsnummer": OTHER}])
def test_an_answer_about_nobody_or_another_company_is_not_understood(body: Any) -> None:
    with pytest.raises(NotUnderstood):
        read_unit(body, COMPANY, 7)


def test_a_sub_unit_goes_under_with_its_main_unit() -> None:
    sub_unit = read_unit(UNIT | {"overordnetEnhet": OTHER, "registrertIMvaregisteret": False}, COMPANY, 7)
    bankrupt = read_unit(UNIT | {"organisasjonsnummer": OTHER, "konkurs": True}, OTHER, 7)
    assert sub_unit.main_unit == OTHER
    assert of_sub_unit(sub_unit, bankrupt).status == "bankrupt"
    assert of_sub_unit(sub_unit, bankrupt).words == "main unit: konkurs"
    assert of_sub_unit(sub_unit, bankrupt).vat is True
    assert of_sub_unit(sub_unit, unknown(OTHER, 7)).status == "ok"
    assert of_sub_unit(deleted(COMPANY, None, 7), bankrupt).status == "deleted"


def test_where_the_register_has_not_answered_the_list_counts() -> None:
    unasked = CompanyAnswer(COMPANY, 7, failure="away")
    known = CompanyAnswer(COMPANY, 7, 7, status="bankrupt", main_unit=OTHER)
    for silent in (None, unasked, unknown(COMPANY, 7)):
        assert register_status("dissolving", silent) == "dissolving"
        assert main_unit(OTHER, silent) == OTHER
    assert register_status("ok", known) == "bankrupt"
    assert main_unit(None, known) == OTHER


@given(st.text(max_size=12))
def test_no_text_is_an_organisation_number_by_accident(text: str) -> None:
    assert fits(text) is False or (len(text) == 9 and text.isdigit())


@pytest.mark.parametrize(
    ("now", "hour", "was"),
    [
        ("2026-11-21T02:00", "02:00", "2026-11-21T02:00"),
        ("2026-11-21T01:59", "02:00", "2026-11-20T02:00"),
        ("2026-11-21T23:59", "02:00", "2026-11-21T02:00"),
        # The night of 23 hours, and that of 25.
        ("2026-03-29T12:00", "02:00", "2026-03-29T02:00"),
        ("2026-10-25T12:00", "02:00", "2026-10-25T02:00"),
    ],
)
def test_when_it_was_that_hour_last(now: str, hour: str, was: str) -> None:
    assert last_hour(hour, oslo(now), ZONE) == oslo(was)


@given(st.integers(0, 400 * 24), st.sampled_from(["00:00", "02:30", "23:59"]))
def test_the_last_hour_is_never_more_than_a_night_of_25_hours_ago(hours: int, at: str) -> None:
    now_ms = oslo("2026-01-01T00:00") + hours * 3_600_000
    assert 0 <= now_ms - last_hour(at, now_ms, ZONE) <= 25 * 3_600_000


BACKOFF = Backoff(lambda: 0.5, 1_000, 300_000)


def test_a_register_that_fails_is_left_alone_longer_and_longer_and_as_long_as_it_says() -> None:
    vigil = Vigil().answered(0)
    waits = []
    for _ in range(12):
        vigil = vigil.failed("answers 500", 0, BACKOFF, None, closed=False)
        waits.append(vigil.pause_until_ms)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1_000, 150_000)
    assert vigil.failed("429", 0, BACKOFF, 7_000, closed=False).pause_until_ms == 7_000
    assert vigil.failed("401", 0, BACKOFF, None, closed=True).pause_until_ms >= CLOSED_MS
    assert vigil.answered(5).failures == 0


def test_what_is_an_alarm() -> None:
    vigil = Vigil().answered(0)
    failing = vigil.failed("answers 500", 0, BACKOFF, None, closed=False)
    assert failing.objection(PATIENCE_MS - 1, 1 << 60) is None
    assert failing.objection(PATIENCE_MS, 1 << 60) == "it cannot be asked: answers 500"
    closed = vigil.failed("401", 0, BACKOFF, None, closed=True)
    assert closed.objection(0, 1 << 60) == "it does not let us in: 401"
    assert vigil.objection(36 * 3_600_000, 36 * 3_600_000) == "its last answer is 36 h old"
    assert Vigil().objection(1 << 50, 1) is None


def test_a_sweep_runs_until_it_is_over() -> None:
    vigil = Vigil().sweep_begun(5)
    assert vigil.sweeping
    assert vigil.answered(7).sweeping
    assert not vigil.sweep_over(9).sweeping
    # A clock that was put back ends it all the same.
    assert not vigil.sweep_over(1).sweeping


def test_p9_a_name_that_no_database_takes_stops_no_register() -> None:
    said = {
        "organisasjonsnummer": "310451274", "navn": "Vinkel\0Bygg\ud800\u00a0 AS", "organisasjonsform": {"kode": "A\0"},
        "slettedato": "2026\0",
    }  # fmt: skip
    answer = read_unit(said, "310451274", 0)
    assert (answer.name, answer.form, answer.words) == ("Vinkel�Bygg� AS", "A�", "slettedato 2026�")
