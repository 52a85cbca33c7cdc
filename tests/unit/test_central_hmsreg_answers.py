"""What HMSREG's answers mean: its public ones, and whatever else may come instead."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.central.receivers import hmsreg_answers
from hub.central.receivers.replies import presentable
from hub.central.target import Accepted, Later, Outcome, Queued, Refused, Stopped
from hub.central.web import WebAnswer
from tests.unit.test_central_hmsreg_fields import ID, v2


def answer(
    status: int, body: str | bytes | object = b"", kind: str = "application/json", wait: int | None = None
) -> WebAnswer:
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return WebAnswer(status, body, kind, wait, None)


def outcome(status: int, body: str | bytes | object = b"", kind: str = "application/json") -> Outcome:
    return hmsreg_answers.outcome_v1(answer(status, body, kind), ID)


@pytest.mark.parametrize(
    "body",
    [
        "Reqistration is queued",
        "Registration is queued.",
        "  reqistration IS queued\r\n",
        '"Reqistration is queued"',
        '{"message": "Registration is queued"}',
        "Registration has been queued",
    ],
)
def test_queued_there_is_as_much_as_version_1_ever_says(body: str) -> None:
    taken = outcome(200, body, "text/plain")
    assert taken == Accepted(ID, hmsreg_answers.V1_QUEUED)
    assert "no way to ask" in hmsreg_answers.V1_QUEUED


def test_answers_of_older_windows_programs_are_read() -> None:
    """With a byte order mark before them, or in its own letters instead of UTF-8."""
    assert isinstance(outcome(200, b"\xef\xbb\xbfReqistration is queued", "text/plain"), Accepted)
    wrong = '{"_error": "Missing required field Fødselsdato"}'
    for body in (b"\xef\xbb\xbf" + wrong.encode(), wrong.encode("cp1252")):
        assert outcome(400, body) == Refused("400 Missing required field Fødselsdato", "Fødselsdato")
    assert (
        answer(500, "Tjenesten er nede på grunn av vedlikehold".encode("cp1252"))
        .words()
        .endswith("på grunn av vedlikehold")
    )
    assert answer(500, ("ø" * 700).encode()[:-1]).words() == "500 " + "ø" * 296


def test_p12_the_words_of_an_answer_repeat_no_identity_number() -> None:
    """Whoever writes a target of their own keeps them as they are."""
    assert answer(422, "unknown person 15079412345", "text/plain").words() == "422 unknown person …"


def test_other_words_for_the_same_are_a_setting() -> None:
    said = answer(200, "Registrering er i kø", "text/plain")
    assert isinstance(hmsreg_answers.outcome_v1(said, ID), Later)
    assert isinstance(hmsreg_answers.outcome_v1(said, ID, ("registrering er i kø",)), Accepted)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "OK",
        "Registration is not queued",
        "Reqistration is que",
        "{}",
        "null",
        "[]",
        "42",
        '{"status": 7}',
        b"\xff\xfe",
        "Reqistration is queued, said the proxy, but " + "x" * 500,
    ],
)
def test_a_success_that_says_nothing_known_is_none(body: str | bytes) -> None:
    assert isinstance(outcome(200, body, "text/plain"), Later)


@pytest.mark.parametrize(
    ("status", "words", "field"),
    [
        (400, "Missing required field Kortnr", "Kortnr"),
        (400, "Missing required field Fødselsdato", "Fødselsdato"),
        (400, 'Invalid value in field "Orgnr": 12', "Orgnr"),
        (400, "Kortet er ukjent", None),
        (200, "Missing required field Kortnr", "Kortnr"),
        (422, "Missing required field Retning", "Retning"),
    ],
)
def test_what_it_will_never_take_goes_aside_with_its_words_and_the_field(
    status: int, words: str, field: str | None
) -> None:
    assert outcome(status, {"_error": words}) == Refused(f"{status} {words}", field)


def test_an_error_in_more_than_one_word_is_read_too() -> None:
    body = {"errors": {"Kortnr": ["Missing required field Kortnr"]}}
    refused = outcome(400, body)
    assert isinstance(refused, Refused)
    assert refused.field == "Kortnr"


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_wrong_password_stops_the_target_whatever_the_status(status: int) -> None:
    stopped = outcome(status, {"_error": "Login failed for user [portvakt]."})
    assert isinstance(stopped, Stopped)
    assert "password_file" in stopped.words


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_door_stops_the_target(status: int) -> None:
    assert isinstance(outcome(status, "<html>Forbidden</html>", "text/html"), Stopped)


@pytest.mark.parametrize("status", [405, 404, 302])
def test_a_wrong_address_is_tried_again_and_says_so(status: int) -> None:
    later = outcome(status, {"_error": "Not found"})
    assert isinstance(later, Later)
    assert "address" in later.words


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429, 418])
def test_what_may_be_better_later_is_tried_later(status: int) -> None:
    assert isinstance(outcome(status, "oops", "text/plain"), Later)


def test_a_receiver_that_says_how_long_is_believed() -> None:
    later = hmsreg_answers.outcome_v1(answer(429, "slow down", "text/plain", 7000), ID)
    assert later == Later("429 slow down", 7000)


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (200, "text/plain"), (400, "text/html")])
def test_a_web_page_comes_from_somebody_on_the_way(status: int, kind: str) -> None:
    later = outcome(status, "\n<!DOCTYPE html><html>Reqistration is queued</html>", kind)
    assert isinstance(later, Later)


def test_half_a_body_tells_nothing() -> None:
    assert isinstance(outcome(400, '{"_error": "Missing required fie'), Later)


def test_p12_no_identity_number_is_kept_from_what_it_says() -> None:
    refused = outcome(400, {"_error": "Unknown person 01010112345 in field Kortnr"})
    assert isinstance(refused, Refused)
    assert "01010112345" not in refused.words
    assert presentable("a\n b\x00" + "x" * 999).startswith("a b")
    assert len(presentable("x" * 999)) == 300


json_bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["_error", "id", "status", "x"]), inner)
    ),
    max_leaves=8,
).map(msgspec.json.encode)


@given(st.integers(100, 599), st.binary(max_size=80) | json_bodies, st.sampled_from(["text/plain", "text/html", ""]))
def test_whatever_comes_back_is_one_of_five_things_and_bounded(status: int, body: bytes, kind: str) -> None:
    said = answer(status, body, kind)
    for one in (
        hmsreg_answers.outcome_v1(said, ID),
        hmsreg_answers.outcome_v2(said, ID, v2()),
        hmsreg_answers.progress_v2(said, "7", v2()),
    ):
        assert isinstance(one, Accepted | Queued | Refused | Later | Stopped)
        assert len(one.words) < 500
        assert status < 300 or not isinstance(one, Accepted)


@pytest.mark.parametrize(
    ("body", "receiver_id"),
    [({"id": 17}, "17"), ({"QueueId": "a-1"}, "a-1"), ([{"itemId": "x"}], "x"), ({"id": 0}, "0")],
)
def test_version_2_says_what_to_ask_for(body: object, receiver_id: str) -> None:
    assert hmsreg_answers.outcome_v2(answer(202, body), ID, v2()) == Queued(receiver_id, "v2 is unverified")


def test_version_2_may_be_asked_by_our_own_reference() -> None:
    assert hmsreg_answers.outcome_v2(answer(202), ID, v2(id_fields=[])) == Queued(ID, "v2 is unverified")
    later = hmsreg_answers.outcome_v2(answer(202), ID, v2())
    assert isinstance(later, Later)
    assert "id_fields" in later.words


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"status": "Done"}, Accepted),
        (200, {"state": "processed"}, Accepted),
        (200, {"status": "done", "error": None}, Accepted),
        (200, {"status": "processing"}, Queued),
        (200, {"status": "blue"}, Queued),
        (200, {}, Queued),
        (404, {"_error": "Not found"}, Queued),
        (200, {"status": "failed", "error": "Missing required field cardNumber"}, Refused),
        (200, {"error": "no such card"}, Refused),
        (401, {"_error": "Login failed"}, Stopped),
        (503, "busy", Later),
        (200, "<html>", Later),
    ],
)
def test_what_became_of_it_in_the_queue_of_version_2(status: int, body: object, kind: type) -> None:
    assert isinstance(hmsreg_answers.progress_v2(answer(status, body), "7", v2()), kind)


def test_version_2_tells_the_field_as_well() -> None:
    failed = {"status": "failed", "error": "Missing required field cardNumber"}
    refused = hmsreg_answers.progress_v2(answer(200, failed), "7", v2())
    assert isinstance(refused, Refused)
    assert refused.field == "cardNumber"
    refused = hmsreg_answers.outcome_v2(answer(400, {"_error": "Missing required field cardNumber"}), ID, v2())
    assert isinstance(refused, Refused)
    assert refused.field == "cardNumber"
