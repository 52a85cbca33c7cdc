"""Asking a register about cards, and what its answers do to the permit list.

An answer that makes a card valid counts at once. One that makes it not valid waits until its round is over (all cards
of a sweep, or those that are new), so that a register gone mad locks nobody out: more of them than `may_invalidate` are
held back until a person says so. Nothing but an answer about the very card changes anything.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from hub.card_answers import Answer, Asking, CardAnswer, heard, not_heard, released, too_many
from hub.central.registers.asked import Away
from hub.central.registers.card_reading import NoAnswer
from hub.central.registers.card_register import CardRegister
from hub.central.registers.vigil import day_of
from hub.central.registers.word_store import WordStore
from hub.permits import Requirements
from hub.presence import CardKey
from hub.register_settings import CardRegisterSettings

log = logging.getLogger(__name__)

FEW = 3
"""So many cards at once are always believed: on a small site two people who left are a large share."""
NO_ANSWERS = 5
"""So many cards in a row without an answer are the register's trouble, and not that of the cards."""


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """What came of a round's answers "not valid": so many cards were turned, so many are held back of so many valid.

    `revision` is that of the list that followed; None when none did.
    """

    turned: int
    held: int
    valid: int
    revision: int | None


class CardRounds:
    """One register, and what is kept of its word. One thread."""

    def __init__(
        self,
        settings: CardRegisterSettings,
        store: WordStore,
        register: CardRegister,
        *,
        requirements: Requirements,
        zone: tzinfo,
        now_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._store = store
        self._register = register
        self._requirements = requirements
        self._zone = zone
        self._now_ms = now_ms
        self._silent = 0

    def ask(self, cards: Sequence[CardKey], pause: Callable[[float], bool], code: str | None = None) -> int:
        """Ask about these, at the register's pace; how many were asked about. `pause` waits so many seconds, and says
        whether to stop. Raises Away or Closed, when what was answered before is kept; StoreError."""
        with self._store.heard() as before:
            serials = before.chip_serials(cards) if self._settings.chip_serial_is_code else {}
        got: list[tuple[Asking, Answer | str]] = []
        try:
            for card in cards:
                got.append((self._asking(card), self._one(card, code or serials.get(card))))
                if self._silent >= NO_ANSWERS:
                    self._silent = 0
                    raise Away(f"{NO_ANSWERS} cards in a row without an answer, the last: {got[-1][1]}")
                if pause(1 / self._settings.per_second):
                    break
        finally:
            self._keep(got)
        return len(got)

    def end(self, cards: Collection[CardKey] | None = None, *, force: bool = False) -> RoundEnd:
        """Let the answers "not valid" of a round count, of these cards or of all; or hold them back.

        Raises StoreError.
        """
        now_ms = self._now_ms()
        with self._store.hearing() as hearing:
            waiting = [one for one in hearing.held(self._settings.scheme) if cards is None or one.card in cards]
            if not waiting:
                return RoundEnd(0, 0, 0, None)
            valid = hearing.valid_cards(self._settings.scheme)
            turning = [one for one in waiting if one.card in valid]
            refused = not force and too_many(len(turning), len(valid), self._settings.may_invalidate, FEW)
            # Of whoever is not let in anyway nobody needs to be asked.
            counting = [one for one in waiting if one.card not in valid] if refused else waiting
            hearing.put_cards([released(one, day_of(one.answered_ms or now_ms, self._zone)) for one in counting])
            revision = hearing.follow(now_ms, self._requirements) if turning and not refused else None
        if refused:
            log.error(
                "card_register=not_believed not_valid=%d of=%d note='hub cards status; hub cards sweep --force'",
                len(turning), len(valid),
            )  # fmt: skip
            return RoundEnd(0, len(turning), len(valid), None)
        if turning:
            log.info("card_register=not_valid cards=%d revision=%s", len(turning), revision)
        return RoundEnd(len(turning), 0, len(valid), revision)

    def _one(self, card: CardKey, code: str | None) -> Answer | str:
        try:
            answer = self._register.ask(card.number, code)
        except NoAnswer as why:
            self._silent += 1
            # A register may repeat the number in its refusal, and this may be logged (P12).
            return str(why).replace(card.number, "the card")
        self._silent = 0
        return answer

    def _asking(self, card: CardKey) -> Asking:
        now_ms = self._now_ms()
        return Asking(card, now_ms, day_of(now_ms, self._zone), self._settings.not_valid)

    def _keep(self, got: Sequence[tuple[Asking, Answer | str]]) -> None:
        if not got:
            return
        with self._store.hearing() as hearing:
            cards = [asking.card for asking, _ in got]
            before = hearing.cards(cards)
            was = hearing.overruled(cards)
            hearing.put_cards([_after(before.get(asking.card), asking, said) for asking, said in got])
            now = hearing.overruled(cards)
            if now != was:
                revision = hearing.follow(self._now_ms(), self._requirements)
                log.info("card_register=changed cards=%d revision=%s", len(now.items() ^ was.items()), revision)


def _after(before: CardAnswer | None, asking: Asking, said: Answer | str) -> CardAnswer:
    if isinstance(said, str):
        return not_heard(before, asking, said)
    return heard(before, asking, said)
