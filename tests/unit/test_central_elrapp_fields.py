"""Days of cards in ELRAPP's words: three modes, what nobody saw, nights, clocks that change, what was told before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.central.happening import BY_HAND, PASSAGE, REPORTED, Happening, Stream
from hub.central.receivers.elrapp_answers import field_in, outcome
from hub.central.receivers.elrapp_fields import (
    CardDay,
    ElrappSettings,
    Row,
    as_receiver_id,
    heeded,
    item_id,
    items_of,
    print_of,
    rows_of,
    seen_around,
    told_in,
)
from hub.central.target import Later, Refused, Stopped, Unfit
from hub.presence import CardKey, Certainty, ClosingRule, Sighting, by_hand
from hub.records import CrewMember
from hub.stays import local_day
from portvakt.doubles.elrapp import FIELDS
from tests.unit.test_central_hmsreg_answers import answer
from tests.unit.test_hub_presence import OSLO, RULE, oslo

CARD = CardKey("hms", "05310027")
WORKER = CrewMember(
    "hms", CARD.number, "Ola", "Nordmann", "974760673", date_of_birth="1990-02-03", card_expiry="2027-05-31",
    main_unit="123456785",
)  # fmt: skip
DAY = date(2026, 5, 4)
EPOCH = "00000000000000aa"


def elrapp(**said: Any) -> ElrappSettings:
    usual = {"base_url": "https://x.example", "api_key_file": "k", "contract_id": 4711}
    return msgspec.convert(usual | said, ElrappSettings)


def at(text: str, direction: str, seq: int = 0, **rest: Any) -> Sighting:
    """`text`: `4T07:00` in May 2026, or a whole moment."""
    whole = text if text.startswith("2026") else f"2026-05-{int(text[: text.index('T')]):02}{text[text.index('T') :]}"
    moment_ms = oslo(whole)
    return Sighting(moment_ms, "north", EPOCH, seq or moment_ms, CARD, direction, **rest)


def rows(
    seen: Sequence[Sighting],
    day: date = DAY,
    holder: CrewMember | None = WORKER,
    closing: ClosingRule | None = RULE,
    **said: Any,
) -> list[Row]:
    settings = elrapp(**said)
    first, last = seen_around(day, settings, OSLO)
    about = CardDay(CARD, day, [one for one in seen if first <= one.time_ms <= last])
    return rows_of(about, holder, settings, (OSLO, OSLO), closing)


def times(made: list[Row]) -> list[tuple[object, ...]]:
    return [(one["DatoInn"], one["DatoUt"], one["Dato"], one["Timer"]) for one in made]


SHIFT = [at("4T07:00", "entry"), at("4T11:00", "exit"), at("4T11:30", "entry"), at("4T15:00", "exit")]
NIGHT = [at("4T22:00", "entry"), at("5T06:00", "exit")]
FORGOTTEN = [at("4T07:00", "entry")]
ALONE = (None, None, "2026-05-04T00:00:00", None)


def test_every_field_of_their_page_in_its_order() -> None:
    (row,) = rows([at("4T07:00", "entry"), at("4T15:00", "exit")])
    assert row == {
        "Kortnummer": 5310027,
        "KontraktId": 4711,
        "DatoInn": "2026-05-04T07:00:00",
        "DatoUt": "2026-05-04T15:00:00",
        "Dato": None,
        "Timer": None,
        "Fornavn": "Ola",
        "Etternavn": "Nordmann",
        "Orgnummer": "123456785",
        "Fdato": "1990-02-03",
        "HmsUtlopsdato": "2027-05-31",
    }
    assert tuple(row) == FIELDS


def test_each_stay_of_a_day_is_a_row_or_the_hours_together_or_the_day() -> None:
    assert times(rows(SHIFT)) == [
        ("2026-05-04T07:00:00", "2026-05-04T11:00:00", None, None),
        ("2026-05-04T11:30:00", "2026-05-04T15:00:00", None, None),
    ]
    assert times(rows(SHIFT, mode="dayhours")) == [(None, None, "2026-05-04T00:00:00", 7.5)]
    assert times(rows(SHIFT, mode="day")) == [ALONE]
    assert rows(SHIFT, date(2026, 5, 5)) == []


def test_a_night_is_one_stay_of_the_day_on_which_it_began_and_hours_of_both() -> None:
    assert times(rows(NIGHT)) == [("2026-05-04T22:00:00", "2026-05-05T06:00:00", None, None)]
    after = date(2026, 5, 5)
    assert rows(NIGHT, after) == []
    assert [one["Timer"] for one in rows(NIGHT, mode="dayhours")] == [2]
    assert [one["Timer"] for one in rows(NIGHT, after, mode="dayhours")] == [6]
    assert len(rows(NIGHT, mode="day")) == len(rows(NIGHT, after, mode="day")) == 1


@pytest.mark.parametrize("mode", ["inout", "dayhours", "day"])
def test_an_end_that_nobody_saw_is_not_made_up(mode: str) -> None:
    assert times(rows(FORGOTTEN, mode=mode)) == [ALONE]
    assert times(rows([at("4T15:00", "exit")], mode=mode)) == [ALONE]
    assert rows(FORGOTTEN, date(2026, 5, 5), mode=mode) == []
    with pytest.raises(Unfit) as missing:
        rows(FORGOTTEN, mode=mode, guessed="aside")
    assert missing.value.field in ("DatoUt", "Timer", "Dato")


def test_what_the_hub_takes_it_to_be_is_sent_where_the_site_has_set_so() -> None:
    assert times(rows(FORGOTTEN, guessed="send")) == [("2026-05-04T07:00:00", "2026-05-05T03:00:00", None, None)]
    assert times(rows(FORGOTTEN, guessed="send", mode="dayhours")) == [(None, None, "2026-05-04T00:00:00", 17)]
    assert times(rows(FORGOTTEN, guessed="send", closing=None)) == [ALONE]


def test_a_forgotten_check_out_hides_neither_the_day_after_nor_the_stays_beside_it() -> None:
    evening = [
        at("4T16:00", "entry"),
        at("5T07:00", "entry"),
        at("5T15:00", "exit", certainty=Certainty.CLOCK_UNTRUSTED),
    ]
    assert times(rows(evening)) == [ALONE]
    assert times(rows(evening, date(2026, 5, 5))) == [(None, None, "2026-05-05T00:00:00", None)]
    seen = [*SHIFT, at("4T18:00", "entry")]
    assert times(rows(seen))[:2] == times(rows(SHIFT))
    assert times(rows(seen))[2] == ALONE
    assert times(rows(seen, mode="dayhours")) == [ALONE]


def test_p10_an_end_by_a_clock_that_was_not_set_is_a_guess() -> None:
    guess = [at("4T07:00", "entry", certainty=Certainty.CLOCK_UNTRUSTED), at("4T15:00", "exit")]
    assert times(rows(guess)) == [ALONE]
    assert times(rows(guess, guessed="send")) == [("2026-05-04T07:00:00", "2026-05-04T15:00:00", None, None)]


def test_hours_of_the_days_on_which_the_clocks_change() -> None:
    autumn = [at("2026-10-25T00:00", "entry"), at("2026-10-25T07:00", "exit")]
    assert [one["Timer"] for one in rows(autumn, date(2026, 10, 25), mode="dayhours")] == [8]
    spring = [at("2026-03-29T00:00", "entry"), at("2026-03-29T07:00", "exit")]
    assert [one["Timer"] for one in rows(spring, date(2026, 3, 29), mode="dayhours")] == [6]


def test_nobody_leaves_before_they_came_in_the_hour_that_comes_twice() -> None:
    day = date(2026, 10, 25)
    came = at("2026-10-25T02:50", "entry")
    left = came._replace(time_ms=came.time_ms + 20 * 60_000, direction="exit", seq=2)
    assert times(rows([came, left], day)) == [(None, None, "2026-10-25T00:00:00", None)]
    assert times(rows([came, left], day, time_form="offset")) == [
        ("2026-10-25T02:50:00+02:00", "2026-10-25T02:10:00+01:00", None, None)
    ]


@pytest.mark.parametrize(
    ("empty", "field"),
    [
        ({"first_name": ""}, "Fornavn"),
        ({"last_name": ""}, "Etternavn"),
        ({"date_of_birth": None}, "Fdato"),
        ({"card_expiry": None}, "HmsUtlopsdato"),
        ({"organisation_number": "", "main_unit": None}, "Orgnummer"),
    ],
)
def test_what_is_mandatory_and_missing_is_named_with_the_column_that_lacks_it(
    empty: dict[str, Any], field: str
) -> None:
    with pytest.raises(Unfit) as missing:
        rows(SHIFT, holder=replace(WORKER, **empty))
    assert missing.value.field == field
    assert next(iter(empty)) in missing.value.words
    with pytest.raises(Unfit, match="crew list"):
        rows(SHIFT, holder=None)


def test_card_numbers_are_json_numbers_until_told_otherwise() -> None:
    assert rows(SHIFT)[0]["Kortnummer"] == 5310027
    assert rows(SHIFT, card_number_as="string")[0]["Kortnummer"] == "05310027"
    about = CardDay(CardKey("hms", "AB12345"), DAY, [one._replace(card=CardKey("hms", "AB12345")) for one in SHIFT])
    with pytest.raises(Unfit) as missing:
        rows_of(about, WORKER, elrapp(), (OSLO, OSLO), RULE)
    assert missing.value.field == "Kortnummer"


# --- which days a happening concerns --------------------------------------------------------------


def passage(text: str, received: str = "", **changed: Any) -> Happening:
    seen = at(text, "entry")
    return replace(
        Happening(
            "3f0e8f4e-91cf-5bcd-8a52-0f6a5a3f2b10", Stream("north", EPOCH), 7, PASSAGE, seen.time_ms,
            at(received or text, "entry").time_ms, CARD, "entry", "north",
        ),
        **changed,
    )  # fmt: skip


def days(happening: Happening, **said: Any) -> list[str]:
    return [local_day(item.at_ms, OSLO).isoformat()[5:] for item in items_of(happening, elrapp(**said), OSLO)]


def test_a_passage_concerns_its_day_and_the_one_from_which_somebody_may_have_stayed() -> None:
    assert days(passage("4T07:00")) == ["05-03", "05-04"]
    assert days(passage("4T07:00"), longest_stay_days=3) == ["05-01", "05-02", "05-03", "05-04"]
    assert days(passage("4T07:00", received="5T09:00")) == ["05-03", "05-04", "05-05"]
    assert days(passage("4T07:00", received="20T09:00")) == ["05-03", "05-04", "05-05"]


def test_p10_what_an_unset_clock_saw_concerns_the_days_before_it_came_as_well() -> None:
    then = oslo("2026-01-01T00:00")
    untrusted = passage("4T07:00", at_ms=then, certainty=Certainty.CLOCK_UNTRUSTED)
    assert days(untrusted) == ["12-31", "01-01", "01-02", "05-03", "05-04"]


def test_a_day_is_told_when_it_is_over_and_nights_are() -> None:
    items = items_of(passage("4T07:00"), elrapp(grace_h=10), OSLO)
    assert [item.not_before_ms for item in items] == [oslo("2026-05-04T10:00"), oslo("2026-05-05T10:00")]
    assert [item.id for item in items] == [
        item_id(4711, CARD, DAY - timedelta(days=1)), item_id(4711, CARD, DAY),
    ]  # fmt: skip
    assert {item.happening for item in items} == {passage("4T07:00").id}


def test_a_day_has_one_key_for_each_contract_and_card() -> None:
    keys = {
        item_id(contract, CardKey("hms", number), DAY + timedelta(days=ahead))
        for contract in (4711, 4712)
        for number in ("5310027", "05310027")
        for ahead in (0, 1)
    }
    assert len(keys) == 8


def test_what_is_not_its_business() -> None:
    reported = passage("4T07:00", kind=REPORTED, stream=Stream("@ditio"), gate=None)
    assert not days(passage("4T07:00", kind="badge.refused"))
    assert not days(passage("4T07:00", card=CardKey("site", "V-1")))
    assert not days(passage("4T07:00", card=None))
    assert not days(passage("4T07:00", at_ms=None))
    assert days(passage("4T07:00", kind=BY_HAND))
    assert not days(passage("4T07:00", kind=BY_HAND), tell=["gates"])
    assert not days(passage("4T07:00"), tell=["office"])
    assert not days(reported)
    assert days(reported, reported_from=["ditio"])


def test_what_others_deliver_makes_no_row() -> None:
    seen = [
        SHIFT[0],
        by_hand(CARD, "exit", SHIFT[1].time_ms, 1),
        SHIFT[2]._replace(gate="@ditio"),
        SHIFT[3]._replace(gate="@smartdok"),
    ]
    assert heeded(seen, elrapp()) == seen[:2]
    assert heeded(seen, elrapp(tell=["gates"])) == seen[:1]
    assert heeded(seen, elrapp(tell=["office"], reported_from=["smartdok"])) == [seen[1], seen[3]]


# --- whatever was seen, in whatever order ---------------------------------------------------------

MINUTES = st.integers(oslo("2026-10-23T12:00") // 60_000, oslo("2026-10-27T12:00") // 60_000)
seen_by_gates = st.builds(
    Sighting, time_ms=MINUTES.map(lambda minute: minute * 60_000), gate=st.sampled_from(["north", "south"]),
    epoch=st.just(EPOCH), seq=st.integers(1, 50), card=st.just(CARD), direction=st.sampled_from(["entry", "exit"]),
    certainty=st.sampled_from(list(Certainty)),
)  # fmt: skip
histories = st.lists(seen_by_gates, max_size=12, unique_by=lambda one: one[1:4])
modes = st.sampled_from(["inout", "dayhours", "day"])


@given(
    histories, modes, st.sampled_from(["day", "send"]), st.sampled_from([None, RULE]), st.randoms(use_true_random=False)
)
def test_rows_are_the_same_in_any_order_and_fit_their_rule(
    history: list[Sighting], mode: str, guessed: str, rule: ClosingRule | None, random: Random
) -> None:
    shuffled = [*history, *history[:3]]
    random.shuffle(shuffled)
    said: dict[str, Any] = {"mode": mode, "guessed": guessed}
    for ahead in range(-2, 5):
        day = date(2026, 10, 24) + timedelta(days=ahead)
        made = rows(history, day, closing=rule, **said)
        assert rows(shuffled, day, closing=rule, **said) == made
        assert len({msgspec.json.encode(row) for row in made}) == len(made) or mode == "inout"
        for row in made:
            came, left, on, hours = (row[name] for name in ("DatoInn", "DatoUt", "Dato", "Timer"))
            assert (came is None) == (left is None) == (on is not None)
            assert came is None or came <= left
            assert hours is None or (on is not None and 0 < hours <= 25)


@given(histories, modes)
def test_nobody_who_was_seen_is_missing(history: list[Sighting], mode: str) -> None:
    """§ 15: whoever was here is on the list of the day, or of the day on which the stay began."""
    seen = {local_day(one.time_ms, OSLO) for one in history}
    for day in seen:
        made = rows(history, day, mode=mode, longest_stay_days=14)
        begun = [
            row["DatoUt"]
            for back in range(1, 15)
            for row in rows(history, day - timedelta(days=back), mode=mode, longest_stay_days=14)
            if row["DatoUt"] is not None
        ]
        assert made or (mode == "inout" and any(left[:10] >= day.isoformat() for left in begun))


@given(histories, seen_by_gates, modes)
def test_every_day_whose_rows_a_late_passage_changes_is_looked_at_again(
    history: list[Sighting], late: Sighting, mode: str
) -> None:
    """A passage that comes when all is over touches every day that it changes, within the longest stay."""
    told = Happening(
        "3f0e8f4e-91cf-5bcd-8a52-0f6a5a3f2b10", Stream(late.gate, late.epoch), late.seq, PASSAGE, late.time_ms,
        oslo("2026-11-01T12:00"), CARD, late.direction, late.gate,
    )  # fmt: skip
    reach = 4
    touched = {local_day(item.at_ms, OSLO) for item in items_of(told, elrapp(longest_stay_days=reach), OSLO)}
    before = [one for one in history if one[1:4] != late[1:4]]
    for ahead in range(-3, 6):
        day = date(2026, 10, 24) + timedelta(days=ahead)
        if rows(before, day, mode=mode, longest_stay_days=reach) != rows(
            [*before, late], day, mode=mode, longest_stay_days=reach
        ):
            assert day in touched


# --- what ELRAPP says ------------------------------------------------------------------------------


def test_what_was_told_is_kept_row_by_row() -> None:
    told = {print_of(b"one"): "17", print_of(b"two"): "a#b"}
    assert told_in(as_receiver_id(told)) == told
    assert told_in(None) == told_in("") == {}


@given(st.dictionaries(st.binary(max_size=4).map(print_of), st.text("0123456789abc#-", min_size=1), max_size=4))
def test_ids_survive_being_kept(told: dict[str, str]) -> None:
    assert told_in(as_receiver_id(told)) == told


SENT = rows(SHIFT)


def echo(row: Row, number: object) -> dict[str, object]:
    back = {name[0].lower() + name[1:]: value for name, value in row.items()}
    back |= {name: f"{back[name]}.0000000+02:00" for name in ("datoInn", "datoUt") if back[name]}
    return back | {"id": number, "datoOpprettet": "2026-05-05T12:00:00.1234567+01:00"}


def test_the_answer_as_it_is_printed_though_it_is_no_json() -> None:
    body = '[ "oversiktslisteObject": {"id": 17, "kortnummer": 5310027} , "oversiktslisteObject": {"id": "18"} ]'
    assert outcome(answer(200, body), SENT[:1]) == ["17"]
    both = '[ "oversiktslisteObject": {"id": 17}, "oversiktslisteObject": {"id": "18"} ]'
    assert outcome(answer(200, both), SENT) == ["17", "18"]


@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: {"data": one}, lambda one: {"oversiktslisteObject": one}]
)
def test_ids_go_to_the_rows_that_they_tell_back(wrap: Any) -> None:
    first, second = echo(SENT[0], 1), echo(SENT[1], 2)
    assert outcome(answer(200, wrap([first, second])), SENT) == ["1", "2"]
    assert outcome(answer(200, wrap([second, first])), SENT) == ["1", "2"]
    assert outcome(answer(200, wrap([second])), SENT) == [None, "2"]


def test_a_shorter_list_that_tells_nothing_back_confirms_nobody() -> None:
    assert outcome(answer(200, [{"id": 1}]), SENT) == [None, None]
    assert outcome(answer(200, [{"id": 1}, {"Id": 2}]), SENT) == ["1", "2"]
    assert outcome(answer(200, [{"id": 1}, {"id": 2}, {"id": 3}]), SENT) == [None, None]
    assert outcome(answer(201, {"id": 9}), SENT[:1]) == ["9"]
    assert outcome(answer(200, []), SENT) == [None, None]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "", Later),
        (200, '[ {"id": 1', Later),
        (200, "<html>", Later),
        (500, "oops", Later),
        (404, "", Later),
        (429, "", Later),
        (401, "", Stopped),
        (400, '{"message": "no"}', Refused),
        (422, "no", Refused),
        (400, "<html>", Later),
    ],
)
def test_other_answers_are_everybodys(status: int, body: str, kind: type) -> None:
    assert isinstance(outcome(answer(status, body), SENT), kind)


@given(st.integers(100, 599), st.binary(max_size=60) | st.just(b'[ "oversiktslisteObject": {"id": [] } ]'))
def test_whatever_comes_back_is_met(status: int, body: bytes) -> None:
    said = outcome(answer(status, body), SENT)
    assert isinstance(said, Refused | Later | Stopped) or len(said) == len(SENT)


def test_the_field_that_a_refusal_names() -> None:
    assert field_in("400 Kortnummer is no valid card") == "Kortnummer"
    assert field_in("400 hmsUtlopsdato mangler") == "HmsUtlopsdato"
    assert field_in("Fornavn and Etternavn") is None
    assert field_in("no") is None
