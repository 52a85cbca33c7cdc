"""What a lane says to the worker, in the worker's language.

Looks things up in `texts.py`; decides nothing about the passage. Pure; any thread. An unknown or absent
language is bokmål, the language of the site's own signs.
"""

from dataclasses import dataclass

from gate.model import Reason
from gate.relay.texts import ANSWERS, PHRASES, Language, Phrase

HEADLINE_CHARS = 24
NEXT_STEP_CHARS = 80
"""What a 7-inch screen shows in letters that can be read at two metres."""

SEE_OFFICE_AFTER = frozenset(
    {
        Reason.UNREADABLE,
        Reason.BLOCKED,
        Reason.UNKNOWN_CARD,
        Reason.CANCELLED,
        Reason.EMPLOYER_MISMATCH,
        Reason.EXPIRED,
        Reason.NOT_ON_CREW_LIST,
        Reason.OUTSIDE_PERIOD,
        Reason.COMPANY_NOT_APPROVED,
        Reason.TRAINING_MISSING,
    }
)
"""Objections that would stop this worker at the next entry, and that the office can help with. The
others are the gate's own trouble, or about entering only: who goes home need not hear of them."""

_OTHER_TAGS = {"no": Language.NB, "nn": Language.NB, "da": Language.NB, "sv": Language.NB, "mo": Language.RO}
"""Tags of languages whose readers understand one of ours better than English."""


@dataclass(frozen=True, slots=True)
class WorkerText:
    """A headline of at most 24 characters, and what to do next in at most 80."""

    headline: str
    next_step: str


def language_for(tag: str | None) -> Language:
    """The language to speak for a tag such as `pl`, `en-GB` or `nb_NO`; bokmål when it is none of ours."""
    primary = _primary(tag)
    if primary in _OTHER_TAGS:
        return _OTHER_TAGS[primary]
    return Language(primary) if primary in Language.__members__.values() else Language.NB


def is_spoken(tag: str | None) -> bool:
    """Whether a lane can speak to this worker in a language that the worker has."""
    primary = _primary(tag)
    return primary in _OTHER_TAGS or primary in Language.__members__.values()


def words_for(reason: Reason, language: str | None) -> WorkerText:
    """The answer at an entry."""
    return WorkerText(*ANSWERS[reason][language_for(language)])


def farewell_for(reason: Reason, language: str | None) -> WorkerText:
    """The answer at an exit: whoever leaves is let out (P6), and told if there is something to mend."""
    step = Phrase.SEE_OFFICE if reason in SEE_OFFICE_AFTER else Phrase.SAFE_HOME
    return WorkerText(phrase(Phrase.GOODBYE, language), phrase(step, language))


def phrase(which: Phrase, language: str | None) -> str:
    """One of the few other words."""
    return PHRASES[which][language_for(language)]


def _primary(tag: str | None) -> str:
    return (tag or "").replace("_", "-").split("-")[0].strip().lower()
