"""What registers have said, on the simulated hub's disk: what `hub.central.registers.word_store` promises."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from hub.card_answers import CANCELLED, OK, CardAnswer, effective
from hub.permits import CardFacts, PermitList, Requirements, compile_permits, succeed
from hub.presence import CardKey
from tests.simulation.world import HOUR_MS

if TYPE_CHECKING:
    from tests.simulation.registers import WordBook
    from tests.simulation.sim_store import HubFile


@dataclass(slots=True)
class WordsFile:
    """The tables of it."""

    answers: dict[CardKey, CardAnswer] = field(default_factory=dict)
    as_of: dict[CardKey, str] = field(default_factory=dict)
    """Of which day the crew list's status of a card is."""
    listed_ms: dict[CardKey, int] = field(default_factory=dict)
    """Since when a card is on the list."""
    about: dict[str, str] = field(default_factory=dict)
    alarms: set[tuple[str, str]] = field(default_factory=set)
    decisions: int = 0
    strangers: dict[CardKey, tuple[int, int]] = field(default_factory=dict)
    """Cards on no list: when they asked to come in last, and when the hub heard of it."""


class SoFar(NamedTuple):
    held: int


class SimWords:
    """One transaction. Gathers; the store applies it at the commit. What was put is seen by what is read after it."""

    def __init__(self, file: "HubFile", book: "WordBook", made: Callable[[PermitList], None]) -> None:
        """`made` is told of each list."""
        self._file = file
        self._book = book
        self._made = made
        self._answers = file.words.answers
        self.changes: list[Callable[[], None]] = []

    def cards(self, cards: Collection[CardKey]) -> Mapping[CardKey, CardAnswer]:
        return {card: self._answers[card] for card in cards if card in self._answers}

    def held(self, scheme: str) -> Sequence[CardAnswer]:
        return sorted((one for one in self._answers.values() if one.held), key=lambda one: one.card)

    def put_cards(self, answers: Iterable[CardAnswer]) -> None:
        put = {one.card: one for one in answers}
        before, self._answers = self._answers, self._answers | put
        after = self._answers

        def apply() -> None:
            for one in put.values():
                self._book.kept(before.get(one.card), one)
            self._file.words.answers = after

        self.changes.append(apply)

    def overruled(self, cards: Collection[CardKey]) -> Mapping[CardKey, str]:
        crew, words = self._file.crew, self._file.words
        found = {card: _status(crew[card], words.as_of, self._answers) for card in cards if card in crew}
        return {card: status for card, status in found.items() if status != crew[card].status}

    def valid_cards(self, scheme: str) -> Collection[CardKey]:
        as_of = self._file.words.as_of
        crew = self._file.crew.items()
        return {card for card, facts in crew if facts.listed and _status(facts, as_of, self._answers) == OK}

    def follow(self, now_ms: int, requirements: Requirements) -> int | None:
        before, held = self._file.permits, held_by_gates(self._file)
        if not 0 < before.revision >= held:
            return None
        after = compiled(self._file, self._file.crew, self._file.words.as_of, self._answers, requirements)

        def apply() -> None:
            self._book.list_made(self._file, before, after)
            put_list(self._file, after)
            self._made(after)

        if after.revision != before.revision:
            self.changes.append(apply)
        return after.revision

    def strangers(self, scheme: str, since_ms: int, before_ms: int, limit: int) -> list[CardKey]:
        crew = self._file.crew
        found = [
            (-asked_ms, card)
            for card, (asked_ms, _) in self._file.words.strangers.items()
            if asked_ms >= since_ms
            and not (card in crew and crew[card].listed)
            and (card not in self._answers or self._answers[card].asked_ms < before_ms)
        ]
        return [card for _, card in sorted(found)[:limit]]

    def asked_before(self, scheme: str, before_ms: int, now_ms: int, limit: int) -> list[CardKey]:
        found = []
        for card, facts in self._file.crew.items():
            known = self._answers.get(card)
            asked_ms = known.asked_ms if known else 0
            if facts.listed and (known is None or asked_ms < before_ms or asked_ms > now_ms + HOUR_MS):
                found.append((asked_ms, card.number, card))
        return [card for *_, card in sorted(found)[:limit]]

    def count_asked_before(self, scheme: str, before_ms: int, now_ms: int) -> int:
        return len(self.asked_before(scheme, before_ms, now_ms, len(self._file.crew)))

    def chip_serials(self, cards: Collection[CardKey]) -> Mapping[CardKey, str]:
        return {}

    def so_far(self, scheme: str) -> SoFar:
        return SoFar(len(self.held(scheme)))

    def decisions(self) -> int:
        return self._file.words.decisions

    def alarm_raised(self, name: str, subject: str) -> bool:
        return (name, subject) in self._file.words.alarms

    def tell_alarm(self, name: str, subject: str, words: str | None, now_ms: int) -> None:
        alarms = self._file.words.alarms
        change = alarms.add if words is not None else alarms.discard
        self._book.alarm(name, raised=words is not None)
        self.changes.append(lambda: change((name, subject)))


def compiled(
    file: "HubFile",
    crew: Mapping[CardKey, CardFacts],
    as_of: Mapping[CardKey, str],
    answers: Mapping[CardKey, CardAnswer],
    requirements: Requirements | None = None,
) -> PermitList:
    """The list of these facts and answers; the file's own one where nothing has changed."""
    facts = [
        one if (status := _status(one, as_of, answers)) == one.status else replace(one, status=status)
        for one in crew.values()
    ]
    before = file.permits
    permits = compile_permits(facts, before.permits, *([requirements] if requirements else []))
    return succeed(before, permits, held_by_gates(file))


def held_by_gates(file: "HubFile") -> int:
    """The highest revision that a gate says it holds."""
    return max((health.status.list_revision for health in file.health.values()), default=0)


def put_list(file: "HubFile", made: PermitList) -> None:
    """It is the hub's list from now on."""
    file.permits = made
    file.lists[made.revision] = made


def _status(facts: CardFacts, as_of: Mapping[CardKey, str], answers: Mapping[CardKey, CardAnswer]) -> str:
    card = CardKey(facts.scheme, facts.number)
    word = answers.get(card)
    if word is None or facts.status not in (OK, CANCELLED):
        return facts.status
    return effective(facts.status, as_of.get(card), word.counts, word.counts_day)
