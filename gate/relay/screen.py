"""What a worker is shown for one answer: a value, for a screen, a lamp or a log to make visible.

Pure. Colour never speaks alone: every answer has its own symbol and word too.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from gate.model import Decision, Direction, Reason
from gate.relay.texts import Language, Phrase
from gate.relay.words import SEE_OFFICE_AFTER, WorkerText, farewell_for, language_for, phrase, words_for


@unique
class Tone(StrEnum):
    """How an answer looks and sounds. NOTE lets through as PASS does, and asks for a look at the text."""

    PASS = "pass"  # noqa: S105 - not a password
    NOTE = "note"
    STOP = "stop"


SYMBOLS = {Tone.PASS: "✓", Tone.NOTE: "✓!", Tone.STOP: "✕"}
_WORDS = {Tone.PASS: Phrase.GO, Tone.NOTE: Phrase.GO, Tone.STOP: Phrase.STOP}


@dataclass(frozen=True, slots=True)
class LaneScreen:
    """One answer as the worker meets it."""

    tone: Tone
    symbol: str
    word: str
    headline: str
    next_step: str
    language: Language

    @classmethod
    def of(cls, decision: Decision, direction: Direction, language: str | None) -> "LaneScreen":
        """The screen for an answer; an unknown language is bokmål."""
        tone, text = _answer(decision, direction, language)
        return cls(
            tone, SYMBOLS[tone], phrase(_WORDS[tone], language), text.headline, text.next_step, language_for(language)
        )


def _answer(decision: Decision, direction: Direction, language: str | None) -> tuple[Tone, WorkerText]:
    if not decision.admitted:
        return Tone.STOP, words_for(decision.reason, language)
    if direction is Direction.EXIT:
        noted = [reason for reason in (decision.reason, *decision.warnings) if reason in SEE_OFFICE_AFTER]
        reason = noted[0] if noted else Reason.GRANTED
        return (Tone.NOTE if noted else Tone.PASS), farewell_for(reason, language)
    welcome = words_for(Reason.GRANTED, language)
    # The warnings that the worker can do something about; the rest are the site's own.
    if Reason.ALREADY_INSIDE in decision.warnings:
        return Tone.NOTE, WorkerText(welcome.headline, phrase(Phrase.CARD_OUT_TOO, language))
    if Reason.EXPIRES_SOON in decision.warnings:
        return Tone.NOTE, words_for(Reason.EXPIRES_SOON, language)
    return Tone.PASS, welcome
