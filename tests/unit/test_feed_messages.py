"""What the feed says of what happened: each profile, each kind, nothing that does not belong there."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.central.happening import (
    ALARM_CLEARED,
    ALARM_RAISED,
    ALARM_STREAM,
    BY_HAND,
    OFFICE_STREAM,
    PASSAGE,
    REPORTED,
    Happening,
    Stream,
)
from hub.central.receivers.feed_messages import (
    MAX_MESSAGE_BYTES,
    Kind,
    PassageEvent,
    Profile,
    Voice,
    decode,
    encode,
    event_id,
    kind_of,
    kinds_of,
    pseudonym,
    type_of,
)
from hub.central.target import Unfit
from hub.feed_cli import _KINDS
from hub.identity_number import objection
from hub.presence import CardKey, Certainty
from hub.records import CrewMember

AT_MS = round(datetime(2026, 11, 2, 5, 58, 5, 120_000, UTC).timestamp() * 1000)
ID = str(uuid.UUID(int=7))
KEY = b"k" * 64
FULL, PSEUDONYMOUS, NONE = (Voice("yard", profile, KEY) for profile in Profile)
HOLDER = CrewMember(
    "hms", "5310027", "Ioana", "Pădureanu", "100000008", "1990-02-11", "Carpați Armering", main_unit="100000016",
    hired_by="100000024",
)  # fmt: skip


def happening(kind: str = PASSAGE, **other: Any) -> Happening:
    usual: dict[str, Any] = {
        "card": CardKey("hms", "5310027"), "direction": "entry", "gate": "north", "lane": "main", "zone": "site",
        "medium": "chip", "reason": "granted", "at_ms": AT_MS,
    }  # fmt: skip
    usual |= {"stream": Stream("north", "00000000000000aa"), "seq": 4, "received_ms": AT_MS + 50}
    return Happening(id=ID, kind=kind, **(usual | other))


def told(kind: Kind, what: Happening, voice: Voice = FULL, holder: CrewMember | None = HOLDER) -> Any:
    return json.loads(encode(kind, what, holder, voice))


def test_a_passage_in_full() -> None:
    event = told(Kind.PASSAGE, happening())
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": ID,
        "source": "/portvakt/yard/north",
        "subject": "main",
        "time": "2026-11-02T05:58:05.120Z",
        "datacontenttype": "application/json",
        "type": "no.portvakt.feed.passage.v1",
        "dataschema": "https://portvakt.no/schemas/feed/v1/passage.json",
    }
    assert data == {
        "site": "yard",
        "personal": "full",
        "gate": "north",
        "lane": "main",
        "card": {"scheme": "hms", "number": "5310027"},
        "person": {"first_name": "Ioana", "last_name": "Pădureanu", "date_of_birth": "1990-02-11"},
        "employer": {"organisation_number": "100000008", "name": "Carpați Armering"},
        "main_unit": "100000016",
        "hired_by": "100000024",
        "how": "completed",
        "direction": "entry",
        "zone": "site",
        "medium": "chip",
        "reason": "granted",
        "certainty": "certain",
    }


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        (happening(), (Kind.PASSAGE, Kind.ROSTER)),
        (happening(card=None), (Kind.PASSAGE,)),
        (happening("passage.forced", card=None), (Kind.PASSAGE,)),
        (happening("passage.tailgated"), (Kind.PASSAGE,)),
        (happening("passage.abandoned"), ()),
        (happening("badge.granted"), ()),
        (happening("badge.refused", zone=None), (Kind.REFUSAL,)),
        (happening(BY_HAND), (Kind.ROSTER,)),
        (happening(REPORTED), (Kind.ROSTER,)),
        (happening(REPORTED, at_ms=None), ()),
        (happening(ALARM_RAISED), (Kind.ALARM,)),
        (happening(ALARM_CLEARED), (Kind.ALARM,)),
        (happening("list.applied"), ()),
    ],
    ids=lambda one: one.kind if isinstance(one, Happening) else None,
)
def test_what_is_told_of(what: Happening, kinds: tuple[Kind, ...]) -> None:
    assert kinds_of(what) == kinds


@pytest.mark.parametrize(
    ("direction", "zone", "change", "told_zone"),
    [
        ("entry", None, "entered", "site"),
        ("exit", None, "left", "off"),
        ("entry", "site/tunnel", "entered", "site/tunnel"),
        ("exit", "site", "entered", "site"),
        ("exit", "", "left", "off"),
    ],
)
def test_a_change_of_the_roster(direction: str, zone: str | None, change: str, told_zone: str) -> None:
    data = told(Kind.ROSTER, happening(direction=direction, zone=zone))["data"]
    assert (data["change"], data["zone"], data["sure"]) == (change, told_zone, "confirmed")


@pytest.mark.parametrize(
    ("certainty", "sure"),
    [
        (Certainty.CERTAIN, "confirmed"),
        (Certainty.CLOCK_CORRECTED, "confirmed"),
        (Certainty.CLOCK_UNTRUSTED, "assumed"),
        (Certainty.MANUAL, "manual"),
    ],
)
def test_how_sure(certainty: Certainty, sure: str) -> None:
    assert told(Kind.ROSTER, happening(certainty=certainty))["data"]["sure"] == sure


def test_a_word_of_the_office_has_no_gate() -> None:
    event = told(
        Kind.ROSTER, happening(BY_HAND, stream=Stream(OFFICE_STREAM), gate=None, lane=None, certainty=Certainty.MANUAL)
    )
    assert (event["source"], "gate" in event["data"]) == ("/portvakt/yard/@office", False)


def test_p3_a_roster_change_has_an_id_of_its_own_that_never_changes() -> None:
    event = told(Kind.ROSTER, happening())
    assert event["id"] == event_id(Kind.ROSTER, ID) == "4fd829e9-43ec-5824-97c7-ffbae898963c"
    assert event["id"] != ID
    assert encode(Kind.ROSTER, happening(), HOLDER, FULL) == encode(Kind.ROSTER, happening(), HOLDER, FULL)


def test_an_alarm_of_a_gate() -> None:
    what = happening(ALARM_RAISED, lane=None, card=None, detail={"alarm": "disk.full", "what": "98 % of /var used"})
    event = told(Kind.ALARM, what)
    assert (event["subject"], event["source"]) == ("disk.full", "/portvakt/yard/north")
    assert event["data"] == {
        "site": "yard", "personal": "full", "alarm": "disk.full", "state": "raised", "gate": "north",
        "what": "98 % of /var used",
    }  # fmt: skip
    assert "what" not in told(Kind.ALARM, what, NONE)["data"]


def test_an_alarm_of_the_hub() -> None:
    what = happening(
        ALARM_CLEARED, stream=Stream(ALARM_STREAM), gate=None, lane=None, card=None, reason="target.late",
        detail={"subject": "hmsreg", "words": "3 records wait for 61 minutes"},
    )  # fmt: skip
    event = told(Kind.ALARM, what)
    assert event["source"] == "/portvakt/yard/@hub"
    assert event["data"] == {
        "site": "yard", "personal": "full", "alarm": "target.late", "state": "cleared", "about": "hmsreg",
        "what": "3 records wait for 61 minutes",
    }  # fmt: skip
    assert not {"about", "what"} & set(told(Kind.ALARM, what, PSEUDONYMOUS)["data"])


def test_an_unknown_card_is_a_number_alone() -> None:
    data = told(Kind.REFUSAL, happening("badge.refused", reason="unknown_card"), holder=None)["data"]
    assert data["card"]["number"] == "5310027"
    assert not {"person", "employer"} & set(data)


def test_pseudonyms_are_stable_within_a_site_and_of_no_use_across_sites() -> None:
    elsewhere = Voice("quay", Profile.PSEUDONYMOUS, KEY)
    other_key = Voice("yard", Profile.PSEUDONYMOUS, b"j" * 64)
    here = told(Kind.PASSAGE, happening(), PSEUDONYMOUS)["data"]
    again = told(Kind.REFUSAL, happening("badge.refused", at_ms=AT_MS + 9000), PSEUDONYMOUS)["data"]
    assert (here["card"], here["person"]) == (again["card"], again["person"])
    assert here["card"]["pseudonym"] == pseudonym(KEY, "yard", "card", "hms", "5310027")
    for voice in (elsewhere, other_key):
        there = told(Kind.PASSAGE, happening(), voice)["data"]
        assert there["card"] != here["card"]
        assert there["person"] != here["person"]


def test_two_cards_of_one_person_share_the_person_s_pseudonym() -> None:
    second = CrewMember("hms", "7060008", "IOANA", "Pădureanu", "100000032", "1990-02-11")
    one = told(Kind.PASSAGE, happening(), PSEUDONYMOUS)["data"]
    other = told(Kind.PASSAGE, happening(card=CardKey("hms", "7060008")), PSEUDONYMOUS, second)["data"]
    assert one["person"] == other["person"]
    assert one["card"] != other["card"]


def test_names_alone_are_nobody() -> None:
    """Two people of one name would become one."""
    nameless = CrewMember("hms", "5310027", "Ola", "Hansen", "100000008")
    assert "person" not in told(Kind.PASSAGE, happening(), PSEUDONYMOUS, nameless)["data"]


def test_without_people_there_is_no_company_either() -> None:
    data = told(Kind.PASSAGE, happening(), NONE)["data"]
    assert not {"card", "person", "employer", "main_unit", "hired_by"} & set(data)
    assert (data["gate"], data["direction"]) == ("north", "entry")


NAMES = st.text(
    st.characters(categories=("Lu", "Ll", "Lo", "Mn", "So", "Po", "Zs", "Nd"), exclude_characters="{}[]:,"), min_size=6,
    max_size=40,
)  # fmt: skip


@given(
    kind=st.sampled_from([PASSAGE, "badge.refused", BY_HAND, "passage.tailgated", ALARM_RAISED]),
    voice=st.sampled_from([PSEUDONYMOUS, NONE]),
    first=NAMES,
    last=NAMES,
    company=NAMES,
    number=st.from_regex(r"[0-9A-Z]{7,20}", fullmatch=True),
    born=st.dates().map(lambda day: day.isoformat()),
)
def test_p12_nothing_of_the_holder_is_in_the_bytes(
    *, kind: str, voice: Voice, first: str, last: str, company: str, number: str, born: str
) -> None:
    holder = CrewMember("hms", number, first, last, "100000008", born, f"{first} {last} {company}")
    what = happening(
        kind, card=CardKey("hms", number), detail={"what": f"{first} {last}", "subject": number, "alarm": "some.alarm"},
        at_ms=AT_MS,
    )  # fmt: skip
    nobody = CrewMember("hms", "0000000", "", "", "100000008", "1900-01-01")
    for told_of in kinds_of(what):
        body = encode(told_of, what, holder, voice)
        shown = json.dumps(json.loads(body), ensure_ascii=False)
        common = encode(
            told_of, happening(kind, card=CardKey("hms", "0000000"), detail={"alarm": "some.alarm"}), nobody, voice
        )
        same = common.decode()
        for secret in (first, last, company, number, born, json.dumps(first)[1:-1]):
            # What stands in everybody's message, such as "site", tells of nobody.
            assert secret in same or secret not in shown
        if voice is NONE:
            assert body == common


@given(name=st.text(min_size=1, max_size=80).filter(lambda name: objection(name) is None))
def test_whatever_a_name_is_made_of_it_arrives(name: str) -> None:
    holder = CrewMember("hms", "5310027", name, name, "100000008", "1990-02-11")
    event = decode(encode(Kind.PASSAGE, happening(), holder, FULL))
    assert isinstance(event, PassageEvent)
    assert event.data.person
    assert event.data.person.first_name == event.data.person.last_name == name


@pytest.mark.parametrize("name", ['O"Neill \\ "', "🧑‍🏭 Ńowak", "\u202eمحمد", "שלום", "Line\u2028Break"])
def test_names_of_all_kinds(name: str) -> None:
    holder = CrewMember("hms", "5310027", "A", name, "100000008", "1990-02-11", name)
    body = encode(Kind.PASSAGE, happening(), holder, FULL)
    assert b"\n" not in body
    data = json.loads(body)["data"]
    assert data["employer"]["name"] == data["person"]["last_name"] == name


@pytest.mark.parametrize("number", ["01019012345", "010190 12345"])
def test_p12_an_identity_number_in_place_of_a_card_is_not_told(number: str) -> None:
    what = happening("badge.refused", card=CardKey("hms", number))
    for voice in (FULL, PSEUDONYMOUS, NONE):
        assert "card" not in told(Kind.REFUSAL, what, voice, None)["data"]
        assert number.encode() not in encode(Kind.REFUSAL, what, None, voice)
    assert "0101901" not in str(told(Kind.ALARM, happening(ALARM_RAISED, detail={"alarm": "a", "what": number})))


def test_what_no_calendar_holds_is_unfit() -> None:
    with pytest.raises(Unfit, match="is no date"):
        encode(Kind.PASSAGE, happening(at_ms=1 << 53), HOLDER, FULL)


def test_a_message_has_a_limit() -> None:
    long = CrewMember("hms", "5310027", "A" * MAX_MESSAGE_BYTES, "B", "100000008")
    with pytest.raises(Unfit, match="the limit is 8192"):
        encode(Kind.PASSAGE, happening(), long, FULL)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"type": 3}', b'{"type": "no.portvakt.feed.passage.v2"}', b"\xff", b"[" * 100_000,
        b'{"type": "no.portvakt.feed.passage.v1", "data": {}}', b'{"type":"x"}' + b" " * MAX_MESSAGE_BYTES,
    ],
    ids=range(9),
)  # fmt: skip
def test_p9_what_is_none_of_the_feed_s_is_an_error_and_nothing_else(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(body)


def test_the_kinds_of_the_command_line_are_those_of_the_feed() -> None:
    assert tuple(Kind) == _KINDS
    assert [kind_of(type_of(kind)) for kind in Kind] == list(Kind)
    assert kind_of("no.portvakt.passage.completed") is None


def test_a_field_that_a_newer_hub_adds_is_passed_over() -> None:
    event = json.loads(encode(Kind.PASSAGE, happening(), HOLDER, FULL))
    event["data"]["new"] = 1
    event["traceparent"] = "x"
    assert decode(msgspec.json.encode(event)).id == ID
