"""What the lane says: complete, short, distinct, and kind to who leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import Decision, Direction, Reason
from gate.relay.screen import SYMBOLS, LaneScreen, Tone
from gate.relay.texts import ANSWERS, PHRASES, Language, Phrase
from gate.relay.words import (
    HEADLINE_CHARS,
    NEXT_STEP_CHARS,
    SEE_OFFICE_AFTER,
    farewell_for,
    language_for,
    phrase,
    words_for,
)

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
STEPS = {
    Phrase.SAFE_HOME, Phrase.SEE_OFFICE, Phrase.CARD_OUT_TOO,
    Phrase.COUNTED_STAY, Phrase.UNREAD_AT_MUSTER, Phrase.TELL_WARDEN,
}  # fmt: skip


def test_every_reason_and_phrase_has_all_five_languages() -> None:
    assert set(ANSWERS) == set(Reason)
    assert set(PHRASES) == set(Phrase)
    for table in (*ANSWERS.values(), *PHRASES.values()):
        assert set(table) == set(Language)


@pytest.mark.parametrize("language", Language)
def test_no_text_is_empty_too_long_or_untidy(language: Language) -> None:
    headlines = [ANSWERS[reason][language][0] for reason in Reason]
    headlines += [PHRASES[which][language] for which in Phrase if which not in STEPS]
    steps = [ANSWERS[reason][language][1] for reason in Reason] + [PHRASES[which][language] for which in STEPS]
    assert [text for text in headlines if not 0 < len(text) <= HEADLINE_CHARS] == []
    assert [text for text in steps if not 0 < len(text) <= NEXT_STEP_CHARS] == []
    assert [text for text in headlines + steps if text != " ".join(text.split()) or not text.isprintable()] == []
    assert [text for text in headlines if text.endswith(".")] == []
    assert [text for text in steps if not text.endswith(".")] == []


@pytest.mark.parametrize("language", Language)
def test_no_two_answers_of_a_language_read_alike(language: Language) -> None:
    texts = [text for reason in Reason for text in ANSWERS[reason][language]]
    texts += [PHRASES[which][language] for which in Phrase]
    assert [text for text in texts if texts.count(text) > 1] == []


@pytest.mark.parametrize("reason", Reason)
def test_no_answer_is_left_untranslated(reason: Reason) -> None:
    texts = [text for answer in ANSWERS[reason].values() for text in answer]
    assert [text for text in texts if texts.count(text) > 1] == []


def test_romanian_is_written_with_commas_below_not_cedillas() -> None:
    """Ş and ţ with a cedilla are Turkish letters; fonts show them wrongly in Romanian."""
    texts = [text for answer in ANSWERS.values() for text in answer[Language.RO]]
    texts += [table[Language.RO] for table in PHRASES.values()]
    assert [text for text in texts if set(text) & set("şţŞŢ")] == []


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("pl", Language.PL),
        ("PL", Language.PL),
        ("en-GB", Language.EN),
        ("nb_NO", Language.NB),
        ("no", Language.NB),
        ("nn", Language.NB),
        ("ro-MD", Language.RO),
        (" lt ", Language.LT),
        (None, Language.NB),
        ("", Language.NB),
        ("tlh", Language.NB),
    ],
)
def test_a_language_tag_finds_its_language_and_an_unknown_one_bokmal(tag: str | None, language: Language) -> None:
    assert language_for(tag) is language
    assert words_for(Reason.GRANTED, tag).headline == ANSWERS[Reason.GRANTED][language][0]


@given(st.text())
def test_no_language_tag_stops_the_screen(tag: str) -> None:
    """P9: a permit's language comes from the hub."""
    assert words_for(Reason.BLOCKED, tag).headline


def test_a_refused_entry_says_why_and_what_to_do() -> None:
    screen = LaneScreen.of(Decision(admitted=False, reason=Reason.EXPIRED), ENTRY, "nb")
    assert screen.tone is Tone.STOP
    assert (screen.symbol, screen.word) == ("✕", "Stopp")
    assert screen.headline == "Kortet er utløpt"
    assert "fornye" in screen.next_step


def test_a_granted_entry_says_welcome_whatever_the_gates_own_troubles_are() -> None:
    plain = LaneScreen.of(Decision(admitted=True, reason=Reason.GRANTED), ENTRY, "en")
    troubled = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.LIST_STALE, Reason.CLOCK_UNTRUSTED))
    assert (plain.tone, plain.headline, plain.word) == (Tone.PASS, "Welcome", "Go")
    assert LaneScreen.of(troubled, ENTRY, "en") == plain


def test_who_forgot_to_badge_out_is_let_in_and_reminded() -> None:
    decision = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.ALREADY_INSIDE,))
    screen = LaneScreen.of(decision, ENTRY, "en")
    assert (screen.tone, screen.headline) == (Tone.NOTE, "Welcome")
    assert screen.next_step == phrase(Phrase.CARD_OUT_TOO, "en")


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", Language)
def test_P6_whoever_leaves_is_told_goodbye_whatever_the_objection(reason: Reason, language: Language) -> None:
    """P6: an exit is never answered with a refusal's words; the office is named where it can help."""
    screen = LaneScreen.of(Decision(admitted=True, reason=reason), EXIT, language)
    assert screen.headline == phrase(Phrase.GOODBYE, language) == farewell_for(reason, language).headline
    assert screen.tone is (Tone.NOTE if reason in SEE_OFFICE_AFTER else Tone.PASS)
    assert screen.next_step == farewell_for(reason, language).next_step


def test_an_exit_with_a_warning_that_the_office_can_mend_names_the_office() -> None:
    decision = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.TRAINING_MISSING,))
    assert LaneScreen.of(decision, EXIT, "en").next_step == phrase(Phrase.SEE_OFFICE, "en")


def test_no_tone_is_told_apart_by_colour_alone() -> None:
    assert set(SYMBOLS) == set(Tone)
    assert len(set(SYMBOLS.values())) == len(Tone)
