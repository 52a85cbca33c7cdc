"""What a lane's screen shows: one face at a time. Pure.

A worker who reads none of our languages goes by the sign, its colour and its place: go, stop, ask, try
again. An assembly point has faces of its own: nothing there says go.
"""

from enum import StrEnum, unique

import msgspec
from msgspec.structs import replace

from gate.model import Decision, Direction, MusterReply, Reason
from gate.relay.screen import LaneScreen, Tone
from gate.relay.texts import MODE_WORDS, Language, Phrase
from gate.relay.words import is_spoken, language_for, phrase, words_for
from gate.turnstile import Mode

NAME_CHARS = 24


@unique
class Sign(StrEnum):
    """What a face says without words. ASK: no entry, and somebody at the site can help. AGAIN: nobody is
    refused yet, the card was not read or not shown as it should be."""

    SHOW_CARD = "show_card"
    GO = "go"
    NOTE = "note"
    STOP = "stop"
    ASK = "ask"
    AGAIN = "again"
    CLOSED = "closed"
    OPEN = "open"
    EVACUATE = "evacuate"
    MUSTER = "muster"
    COUNTED = "counted"
    LOST = "lost"


class Face(msgspec.Struct, frozen=True):
    """One picture. No card number, ever; a name only where a reader is set to greet (P12).

    A `passing` face gives way to the lane's own after a few seconds. `also` says the same in English to a
    worker whose language nobody knows.
    """

    sign: Sign
    headline: str
    next_step: str = ""
    word: str = ""
    also: str = ""
    name: str = ""
    passing: bool = False


_SIGNS = {Tone.PASS: Sign.GO, Tone.NOTE: Sign.NOTE, Tone.STOP: Sign.STOP}
_REFUSED = {
    Reason.UNREADABLE: Sign.AGAIN,
    Reason.WEAK_CREDENTIAL: Sign.AGAIN,
    Reason.LANE_CLOSED: Sign.STOP,
    Reason.OUTSIDE_HOURS: Sign.STOP,
    Reason.SHORT_REST: Sign.STOP,
    Reason.ZONE_FULL: Sign.STOP,
    Reason.COVER_MISSING: Sign.STOP,
    Reason.EXPIRED: Sign.STOP,
    Reason.CANCELLED: Sign.STOP,
}
"""The refusals that no question at the site office mends; all others are ASK."""

_MODE_SIGNS = {
    Mode.NORMAL: Sign.SHOW_CARD,
    Mode.LOCKED: Sign.CLOSED,
    Mode.OUT_OF_ORDER: Sign.CLOSED,
    Mode.HELD_OPEN: Sign.OPEN,
    Mode.FREE: Sign.OPEN,
    Mode.EVACUATED: Sign.EVACUATE,
}

AT_MUSTER = Face(Sign.MUSTER, phrase(Phrase.MUSTER, Language.NB), phrase(Phrase.MUSTER, Language.EN))
"""What an assembly point shows while nobody is answered."""
LOST = Face(Sign.LOST, phrase(Phrase.WAIT, Language.NB), phrase(Phrase.WAIT, Language.EN))
"""The gate does not speak: whatever was shown last may be true no more."""


def answer(decision: Decision, direction: Direction, language: str | None) -> Face:
    """The face of an answer to a badge, in the worker's language."""
    screen = LaneScreen.of(decision, direction, language)
    sign = _SIGNS[screen.tone] if decision.admitted else _REFUSED.get(decision.reason, Sign.ASK)
    english = LaneScreen.of(decision, direction, Language.EN)
    also = "" if is_spoken(language) else f"{english.headline}. {english.next_step}"
    return Face(sign, screen.headline, screen.next_step, screen.word, also, passing=True)


_MUSTER_WORDS = {
    MusterReply.COUNTED: (Sign.COUNTED, Phrase.COUNTED, Phrase.COUNTED_STAY),
    MusterReply.NOT_KEPT: (Sign.ASK, Phrase.NOT_COUNTED, Phrase.TELL_WARDEN),
}


def muster_answer(reply: MusterReply, language: str | None) -> Face:
    """The face of an answer at an assembly point, in the worker's language."""
    sign, headline, step = _muster_words(reply, language)
    english = _muster_words(reply, Language.EN)
    also = "" if is_spoken(language) else f"{english[1]}. {english[2]}"
    return Face(sign, headline, step, also=also, passing=True)


def _muster_words(reply: MusterReply, language: str | None) -> tuple[Sign, str, str]:
    if reply is MusterReply.UNREADABLE:
        unread = words_for(Reason.UNREADABLE, language)
        return Sign.AGAIN, unread.headline, phrase(Phrase.UNREAD_AT_MUSTER, language)
    sign, headline, step = _MUSTER_WORDS[reply]
    return sign, phrase(headline, language), phrase(step, language)


def named(face: Face, first_name: str) -> Face:
    """The face with the holder's name beside it, as far as it may be shown: a card may hold any bytes."""
    printable = "".join(sign for sign in first_name if sign.isprintable()).strip()
    cut = printable if len(printable) <= NAME_CHARS else f"{printable[: NAME_CHARS - 1]}…"
    return replace(face, name=cut)


def of_mode(mode: Mode) -> Face:
    """The lane's own face while nobody is answered: in the language of the site's signs, and in English."""
    if mode is Mode.NORMAL:
        return Face(Sign.SHOW_CARD, phrase(Phrase.SHOW_CARD, Language.NB), phrase(Phrase.SHOW_CARD, Language.EN))
    words = MODE_WORDS[mode.value]
    return Face(_MODE_SIGNS[mode], words[language_for("nb")], words[language_for("en")])
