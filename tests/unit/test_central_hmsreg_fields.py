"""Passages in HMSREG's words: every field of its page, what is a setting, and what is missing is told by its field."""

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.central.happening import ALARM_RAISED, BY_HAND, PASSAGE, REPORTED, WITHDRAWN, Happening, Stream
from hub.central.receivers.hmsreg_fields import (
    V1Settings,
    V2Settings,
    card_number,
    check_v1,
    check_v2,
    concerns,
    registration_v1,
    registration_v2,
)
from hub.central.target import Unfit
from hub.presence import CardKey, Certainty
from hub.records import CrewMember
from portvakt.doubles.hmsreg import FIELDS, FIELDS_V2
from portvakt.errors import SettingsError
from tests.unit.test_hub_presence import oslo

OSLO = ZoneInfo("Europe/Oslo")
CARD = CardKey("hms", "5310027")
ID = "3f0e8f4e-91cf-5bcd-8a52-0f6a5a3f2b10"
WORKER = CrewMember(
    "hms", CARD.number, "Ola", "Nordmann Ødegård", "974760673", date_of_birth="1990-02-03", main_unit="123456785",
    hired_by="987654325", card_type="building",
)  # fmt: skip
ENTERED = Happening(
    ID, Stream("north", "aa"), 7, PASSAGE, oslo("2026-05-04T07:00"), oslo("2026-05-04T07:00"), CARD, "entry", "north"
)


def v1(**said: Any) -> V1Settings:
    usual = {"base_url": "https://x.example", "user": "u", "password_file": "p", "source": "Kvartal 7"}
    return msgspec.convert({**usual, "hmsreg_number": "1234", **said}, V1Settings)


def v2(**said: Any) -> V2Settings:
    usual = {
        "base_url": "https://x.example", "headers": {"X": "{id}:{secret}"}, "provider_id": "1", "secret_file": "s",
        "location": 88, "queue_path": "/q/{id}",
    }  # fmt: skip
    return msgspec.convert(usual | said, V2Settings)


def told(settings: V1Settings | None = None, holder: CrewMember | None = WORKER, **changed: Any) -> dict[str, Any]:
    return registration_v1(replace(ENTERED, **changed), holder, settings or v1(), OSLO)


def lacking(settings: V1Settings, holder: CrewMember | None = WORKER, **changed: Any) -> Unfit:
    with pytest.raises(Unfit) as missing:
        told(settings, holder, **changed)
    return missing.value


def test_every_field_of_their_page_in_its_order() -> None:
    assert told() == {
        "Kortnr": "5310027",
        "Retning": "Ankomst",
        "Tidspunkt": "2026-05-04T07:00:00",
        "Navn": "Ola Nordmann Ødegård",
        "Orgnr": "123456785",
        "HmsRegnr": "1234",
        "Kilde": "Kvartal 7",
        "Korttype": "HMS",
        "Fødselsdato": "1990-02-03T00:00:00",
        "ExternalRef": ID,
    }
    assert tuple(told()) == FIELDS


def test_the_key_with_a_letter_beyond_ascii_is_sent_as_utf_8() -> None:
    body = msgspec.json.encode(told())
    assert "Fødselsdato".encode() in body
    assert b"\\u00f8" not in body
    assert json.loads(body)["Navn"] == "Ola Nordmann Ødegård"


def test_who_leaves_leaves_by_the_word_that_is_set() -> None:
    assert told(direction="exit")["Retning"] == "Avgang"
    assert told(v1(exit_word="Utpassering"), direction="exit")["Retning"] == "Utpassering"
    assert lacking(v1(), direction=None).field == "Retning"


def test_whose_organisation_number_and_whether_it_is_a_number() -> None:
    assert told(v1(unit="employer"))["Orgnr"] == "974760673"
    assert told(v1(unit="hired_by"))["Orgnr"] == "987654325"
    assert told(v1(orgnr_as="number"))["Orgnr"] == 123456785
    assert told(holder=replace(WORKER, main_unit=None))["Orgnr"] == "974760673"
    assert lacking(v1(orgnr_as="number"), replace(WORKER, main_unit="SE5560")).field == "Orgnr"


def test_the_site_number_is_sent_as_it_stands_in_the_settings_and_a_gate_may_have_its_own() -> None:
    assert told(v1(hmsreg_number=1234))["HmsRegnr"] == 1234
    assert told(v1(hmsreg_numbers={"north": "77"}))["HmsRegnr"] == "77"
    assert told(v1(hmsreg_numbers={"south": "77"}))["HmsRegnr"] == "1234"


def test_the_word_for_a_card_goes_by_scheme_and_type() -> None:
    words = {"hms": "HMS", "hms/cleaning": "Renhold", "id06": "ID06"}
    assert told(v1(card_types=words))["Korttype"] == "HMS"
    assert told(v1(card_types=words), replace(WORKER, card_type="cleaning"))["Korttype"] == "Renhold"
    assert told(v1(card_types=words), None, card=CardKey("id06", "ABC123"))["Korttype"] == "ID06"
    missing = lacking(v1(), None, card=CardKey("valtti", "123456"))
    assert missing.field == "Korttype"
    assert "card_types" in missing.words


def test_a_card_that_no_list_names_is_told_by_its_number() -> None:
    """P6: who is unknown is let out, and that is told too."""
    assert set(told(holder=None, direction="exit")) == set(FIELDS) - {"Navn", "Orgnr", "Fødselsdato"}
    missing = lacking(v1(required=["Kortnr", "Navn"]), None)
    assert missing.field == "Navn"
    assert "crew list" in missing.words


@pytest.mark.parametrize("name", ["Navn", "Orgnr", "Fødselsdato"])
def test_what_the_site_demands_and_the_crew_list_lacks_is_named(name: str) -> None:
    empty = CrewMember("hms", CARD.number, "", "", "")
    assert lacking(v1(required=[name]), empty).field == name


def test_what_is_not_known_is_left_out_or_null() -> None:
    bare = replace(WORKER, date_of_birth=None)
    assert "Fødselsdato" not in told(holder=bare)
    assert told(v1(empty_fields="null"), bare)["Fødselsdato"] is None
    assert "Fødselsdato" not in told(v1(leave_out=["Fødselsdato"]))


def test_texts_that_are_too_long() -> None:
    assert told(v1(lengths={"Navn": 12}))["Navn"] == "Ola Nordmann"
    assert lacking(v1(lengths={"Kilde": 3})).field == "Kilde"
    assert lacking(v1(), card=CardKey("hms", "123456789")).field == "Kortnr"
    assert told(v1(card_number_length=9), card=CardKey("hms", "123456789"))["Kortnr"] == "123456789"


@pytest.mark.parametrize(
    ("number", "over", "sent"),
    [
        ("5310027", 7, "5310027"),
        ("531 00 27", 7, "5310027"),
        ("05310027", 7, "5310027"),
        ("00531002", 7, "0531002"),
        ("0310118", 7, "0310118"),
        ("15310027", 7, "15310027"),
        ("05310027", 0, "05310027"),
    ],
)
def test_card_numbers_as_another_supplier_writes_them(number: str, over: int, sent: str) -> None:
    assert card_number(number, over) == sent


@given(st.text("0123456789 ABC", max_size=20), st.integers(0, 20))
def test_writing_a_card_number_loses_spaces_and_at_most_one_zero(number: str, over: int) -> None:
    plain = number.replace(" ", "")
    assert card_number(number, over) in (plain, plain.removeprefix("0"))
    if len(plain) <= over:
        assert card_number(number, over) == plain


def test_times_are_local_without_offset_until_told_otherwise() -> None:
    winter = oslo("2026-01-04T07:00")
    assert told(at_ms=winter + 999)["Tidspunkt"] == "2026-01-04T07:00:00"
    assert told(v1(time_form="offset"))["Tidspunkt"] == "2026-05-04T07:00:00+02:00"
    assert told(v1(time_form="offset"), at_ms=winter)["Tidspunkt"] == "2026-01-04T07:00:00+01:00"
    assert told(v1(time_form="utc"))["Tidspunkt"] == "2026-05-04T05:00:00Z"


def test_in_the_hour_that_comes_twice_only_an_offset_tells_which() -> None:
    first = oslo("2026-10-25T02:30")
    second = first + 3_600_000
    assert told(at_ms=first)["Tidspunkt"] == told(at_ms=second)["Tidspunkt"] == "2026-10-25T02:30:00"
    form = v1(time_form="offset")
    assert told(form, at_ms=first)["Tidspunkt"] == "2026-10-25T02:30:00+02:00"
    assert told(form, at_ms=second)["Tidspunkt"] == "2026-10-25T02:30:00+01:00"


def test_p10_a_time_that_nobody_vouches_for_is_not_told_as_if_it_were_known() -> None:
    guess = Certainty.CLOCK_UNTRUSTED
    assert lacking(v1(), certainty=guess).field == "Tidspunkt"
    assert told(v1(untrusted_time="send"), certainty=guess)["Tidspunkt"] == "2026-05-04T07:00:00"
    assert told(certainty=Certainty.CLOCK_CORRECTED)["Tidspunkt"] == "2026-05-04T07:00:00"
    assert lacking(v1(), at_ms=None).field == "Tidspunkt"


def test_which_happenings_are_its_business() -> None:
    usual, office = v1(), replace(ENTERED, kind=BY_HAND, stream=Stream("@office"), gate=None)
    reported = replace(ENTERED, kind=REPORTED, stream=Stream("@smartdok"), gate=None)
    assert concerns(usual, ENTERED)
    assert concerns(usual, office)
    assert not concerns(v1(tell=["gates"]), office)
    assert not concerns(v1(tell=["office"]), ENTERED)
    assert not concerns(usual, reported)
    assert concerns(v1(reported_from=["smartdok"]), reported)
    assert not concerns(v1(reported_from=["ditio"]), reported)
    assert concerns(v1(reported_from=["ditio"]), replace(reported, detail={"source": "ditio"}))
    ditio = v1(reported_from=["ditio"])
    assert not concerns(ditio, replace(reported, kind=WITHDRAWN))
    assert not concerns(ditio, replace(reported, detail={"source": "ditio"}, direction="confirmed"))
    assert not concerns(usual, replace(ENTERED, card=None))
    assert not concerns(usual, replace(ENTERED, card=CardKey("site", "V-12")))
    assert concerns(v1(skip_schemes=[]), replace(ENTERED, card=CardKey("site", "V-12")))
    assert not any(concerns(usual, replace(ENTERED, kind=kind)) for kind in ("badge.refused", ALARM_RAISED))


def test_settings_that_contradict_each_other_are_named() -> None:
    with pytest.raises(SettingsError, match="leave_out: Tidspunkt"):
        check_v1(v1(leave_out=["Tidspunkt"]))
    with pytest.raises(SettingsError, match="Kortnr"):
        check_v1(v1(leave_out=["Kortnr"], required=[]))
    with pytest.raises(SettingsError, match="secret"):
        check_v2(v2(headers={"X": "{id}"}))
    with pytest.raises(SettingsError, match="queue_path"):
        check_v2(v2(queue_path="/q"))
    check_v1(v1())
    check_v2(v2())


def test_version_2_in_the_words_that_are_known_of_it() -> None:
    settings = v2(send_name=True, send_company=True, time_form="offset", locations={"south": 99})
    record = registration_v2(replace(ENTERED, direction="exit"), WORKER, settings, OSLO)
    assert record == {
        "cardNumber": "5310027",
        "cardType": "HMS",
        "location": 88,
        "timestamp": "2026-05-04T07:00:00+02:00",
        "direction": "Out",
        "externalRef": ID,
        "name": "Ola Nordmann Ødegård",
        "company": "123456785",
    }
    assert tuple(record) == FIELDS_V2
    small = registration_v2(replace(ENTERED, gate="south"), WORKER, v2(locations={"south": 99}), OSLO)
    assert small["location"] == 99
    assert {"name", "company"}.isdisjoint(small)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40)
holders = st.none() | st.builds(
    CrewMember, st.just("hms"), st.just(CARD.number), texts, texts, st.sampled_from(["", "974760673"]),
    date_of_birth=st.none() | st.dates().map(str), main_unit=st.none() | st.just("123456785"),
)  # fmt: skip
happenings = st.builds(
    replace, st.just(ENTERED), at_ms=st.integers(0, 1 << 42), direction=st.sampled_from(["entry", "exit"]),
    card=st.text("0123456789 ", max_size=20).map(lambda number: CardKey("hms", number)),
)  # fmt: skip


@given(happenings, holders, st.sampled_from(["leave out", "null"]), st.sampled_from(["local", "offset", "utc"]))
def test_whatever_is_known_makes_a_record_that_can_be_sent_or_names_a_field(
    happening: Happening, holder: CrewMember | None, empty: str, form: str
) -> None:
    settings = v1(empty_fields=empty, time_form=form)
    try:
        record = registration_v1(happening, holder, settings, OSLO)
    except Unfit as missing:
        named = missing.field
    else:
        named = None
        _check(record, happening)
        assert registration_v1(happening, holder, settings, OSLO) == record
    assert named is None or named in FIELDS


def _check(record: dict[str, Any], happening: Happening) -> None:
    assert set(record) <= set(FIELDS)
    assert 1 <= len(record["Kortnr"]) <= 8
    assert record["ExternalRef"] == happening.id
    assert msgspec.json.decode(msgspec.json.encode(record)) == record
