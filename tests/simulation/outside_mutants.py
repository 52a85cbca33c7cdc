"""Known bugs in how the hub asks others: the register of cards, and other systems at the site. See `mutants`."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import msgspec

import hub.central.gathering
import hub.central.neighbours.chkbox
import hub.central.neighbours.ditio
import hub.central.registers.card_register
import hub.central.registers.card_rounds
import hub.check_ins
import hub.muster
import tests.simulation.sim_check_ins
from hub.card_answers import CANCELLED, Answer, Asking, CardAnswer, CardStatus, heard
from hub.central.gathering import Asked, ReportingStore
from hub.central.neighbours.chkbox import ChkBox
from hub.central.neighbours.ditio import Ditio
from hub.central.registers.card_reading import read_answer
from hub.central.registers.card_register import HttpCardRegister
from hub.central.registers.card_rounds import CardRounds, RoundEnd
from hub.central.registers.card_watch import CardWatch
from hub.central.registers.vigil import Vigil
from hub.central.source import Fetched
from hub.central.web import WebAnswer
from hub.check_ins import Change, Following, Kept
from hub.presence import CardKey, Certainty, CheckIn, Sighting, fold, reported
from tests.simulation.sim_words import SimWords

Mutant = Callable[[], AbstractContextManager[Any]]


@contextmanager
def patched(*patches: tuple[object, str, object]) -> Iterator[None]:
    """These attributes have these values."""
    with ExitStack() as stack:
        for owner, name, value in patches:
            stack.enter_context(mock.patch.object(owner, name, value))
        yield


# --- the register of cards -------------------------------------------------------------------------------


def silence_is_no() -> AbstractContextManager[Any]:
    """Of whom the register says nothing usable, he is not valid."""
    one = CardRounds._one

    def strict(self: CardRounds, card: CardKey, code: str | None) -> Answer | str:
        said = one(self, card, code)
        return Answer(CardStatus.INVALIDATED, said) if isinstance(said, str) else said

    return patched((CardRounds, "_one", strict))


def web_page_is_no() -> AbstractContextManager[Any]:
    """What is no answer at all is one that the card is unknown, and unknown is not valid."""
    read = HttpCardRegister._read

    def hasty(self: HttpCardRegister, answer: WebAnswer, number: str, level: str) -> Answer:
        if answer.content_type == "text/html":
            return Answer(CardStatus.INVALIDATED, "no JSON", level)
        return read(self, answer, number, level)

    return patched((HttpCardRegister, "_read", hasty))


def every_answer_is_about_the_card() -> AbstractContextManager[Any]:
    """Nobody looks whose card an answer names."""

    def careless(said: Any, reading: Any, number: str | None, level: str) -> Answer:
        return read_answer(said, reading._replace(number=None), number, level)

    return patched((hub.central.registers.card_register, "read_answer", careless))


def errors_inside_overlooked() -> AbstractContextManager[Any]:
    """An answer that tells of a failure is read all the same."""

    def careless(said: Any, reading: Any, number: str | None, level: str) -> Answer:
        return read_answer(said, reading._replace(error=None), number, level)

    return patched((hub.central.registers.card_register, "read_answer", careless))


def any_number_believed() -> AbstractContextManager[Any]:
    """A register that calls all cards invalid is right."""
    return patched((hub.central.registers.card_rounds, "too_many", lambda *_: False))


def not_valid_at_once() -> AbstractContextManager[Any]:
    """An answer "not valid" counts before its round is over."""

    def hasty(before: CardAnswer | None, asked: Asking, answer: Answer) -> CardAnswer:
        after = heard(before, asked, answer)
        return replace(after, counts=CANCELLED, counts_day=asked.day, held=False) if after.held else after

    return patched((hub.central.registers.card_rounds, "heard", hasty))


def valid_again_unheard() -> AbstractContextManager[Any]:
    """Once not valid, never valid again."""

    def grim(before: CardAnswer | None, asked: Asking, answer: Answer) -> CardAnswer:
        after = heard(before, asked, answer)
        lost = before is not None and before.counts == CANCELLED and before.answer is not None
        return replace(after, counts=CANCELLED) if lost else after

    return patched((hub.central.registers.card_rounds, "heard", grim))


def round_without_an_end() -> AbstractContextManager[Any]:
    """What is held back is held back for ever."""
    return patched((CardRounds, "end", lambda *_, **__: RoundEnd(0, 0, 0, None)))


def answers_without_a_list() -> AbstractContextManager[Any]:
    """What a round has shown is kept, and no list follows."""
    end = CardRounds.end

    def quiet(self: CardRounds, *given: Any, **more: Any) -> RoundEnd:
        with mock.patch.object(SimWords, "follow", return_value=None):
            return end(self, *given, **more)

    return patched((CardRounds, "end", quiet))


def sweep_lost_at_a_restart() -> AbstractContextManager[Any]:
    """A night's round that was begun counts as done."""

    def begun(self: Vigil, now_ms: int) -> Vigil:
        return msgspec.structs.replace(self, sweep_began_ms=now_ms, sweep_ended_ms=now_ms)

    return patched((Vigil, "sweep_begun", begun))


def who_stands_at_a_gate_is_not_asked_about() -> AbstractContextManager[Any]:
    """Only cards of the list are."""
    return patched((CardWatch, "_strangers", lambda *_: []))


def register_never_left_alone() -> AbstractContextManager[Any]:
    """A register that is down, or has asked to wait, is asked again at once."""
    failed = Vigil.failed

    def eager(self: Vigil, *given: Any, **more: Any) -> Vigil:
        return msgspec.structs.replace(failed(self, *given, **more), pause_until_ms=0)

    return patched((Vigil, "failed", eager))


# --- other systems at the site ---------------------------------------------------------------------------


def told_again_counts_again() -> AbstractContextManager[Any]:
    """Whatever comes is new."""

    def anew(before: Kept | None, told: CheckIn) -> Kept | None:
        return Kept(0, before.version + 1 if before else 1, told)

    return patched((hub.check_ins, "_after", anew), (hub.check_ins, "_same", lambda *_: False))


def tombstone_overlooked() -> AbstractContextManager[Any]:
    """What was withdrawn stays."""
    changes = hub.check_ins.changes

    def blind(known: Any, told: Iterable[CheckIn], seq: int) -> list[Change]:
        return changes(known, [one for one in told if not one.deleted], seq)

    return patched((tests.simulation.sim_check_ins, "changes", blind))


def correction_leaves_presence() -> AbstractContextManager[Any]:
    """What was withdrawn or put right is kept so, and presence goes by what was there before."""

    def follow(transaction: Following, source: str, changed: Sequence[Change]) -> None:
        moved = (reported(source, one.after.check_in, one.after.seq) for one in changed)
        if fresh := fold(one for one in moved if one is not None):
            transaction.see(list(fresh.values()))

    return patched((tests.simulation.sim_check_ins, "follow", follow))


def only_what_changed_counts() -> AbstractContextManager[Any]:
    """Of a card that something was taken back from nothing else is remembered."""

    def nothing(transaction: Following, cards: Collection[CardKey]) -> list[Sighting]:
        return []

    return patched((hub.check_ins, "history", nothing))


def cursor_before_the_check_ins() -> AbstractContextManager[Any]:
    """How far a source was read is written down first, what it told after that."""
    read_once = hub.central.gathering.read_once

    def hasty(store: ReportingStore, asked: Asked, stop: Any, now_ms: Any, at_once: int) -> Fetched | None:
        class First:
            """Fetches, and writes down how far, before anything else."""

            def fetch(self, cursor: str) -> Fetched:
                fetched = asked.source.fetch(cursor)
                with store.reporting() as reporting:
                    reporting.succeeded(asked.name, fetched.cursor, now_ms())
                return fetched

            def close(self) -> None:
                asked.source.close()

        return read_once(store, replace(asked, source=First()), stop, now_ms, at_once)

    return patched((hub.central.gathering, "read_once", hasty))


def rest_of_a_round_forgotten() -> AbstractContextManager[Any]:
    """The first page is all."""
    fetch = Ditio.fetch

    def first(self: Ditio, cursor: str) -> Fetched:
        fetched = fetch(self, cursor)
        where = msgspec.json.decode(fetched.cursor)
        if not where.get("token"):
            return fetched
        after = {"since_ms": where["began_ms"], "ahead_ms": where["ahead_ms"]}
        return replace(fetched, cursor=msgspec.json.encode(after).decode(), more=False)

    return patched((Ditio, "fetch", first))


def overlap_forgotten() -> AbstractContextManager[Any]:
    """What was being written while it was read is never seen."""
    init = Ditio.__init__

    def tight(self: Ditio, settings: Any, *given: Any) -> None:
        init(self, msgspec.structs.replace(settings, overlap_s=0.0), *given)

    return patched((Ditio, "__init__", tight))


def token_of_a_former_life() -> AbstractContextManager[Any]:
    """A round that the other side has forgotten is asked for again and again."""
    fetch = Ditio.fetch

    def stubborn(self: Ditio, cursor: str) -> Fetched:
        self._astray = None
        return fetch(self, cursor)

    return patched((Ditio, "fetch", stubborn))


def their_clock_trusted() -> AbstractContextManager[Any]:
    """A clock that is set back takes with it what is written meanwhile."""
    return patched((hub.central.neighbours.ditio, "_went_back", lambda *_: 0))


def late_readers_overlooked() -> AbstractContextManager[Any]:
    """What comes late is not looked for."""
    init = ChkBox.__init__

    def impatient(self: ChkBox, settings: Any, *given: Any) -> None:
        init(self, msgspec.structs.replace(settings, look_back_h=0.0), *given)

    return patched((ChkBox, "__init__", impatient))


def no_json_is_nothing_new() -> AbstractContextManager[Any]:
    """A web page, or half an answer, says that nothing has happened."""

    def content(answer: WebAnswer, where: str) -> Any:
        try:
            return answer.json()
        except ValueError:
            return {"data": []}

    return patched((hub.central.neighbours.ditio, "asked", content), (hub.central.neighbours.chkbox, "asked", content))


def told_when_it_came() -> AbstractContextManager[Any]:
    """What comes late happened late."""
    sound = hub.central.gathering.sound

    def stamped(told: Iterable[CheckIn], now_ms: int) -> Any:
        return sound([one._replace(at_ms=now_ms) if not one.deleted else one for one in told], now_ms)

    return patched((hub.central.gathering, "sound", stamped))


def phone_clears_the_muster() -> AbstractContextManager[Any]:
    """Whoever checks out by an app is outside."""
    return patched((hub.muster, "_NO_PROOF", (Certainty.CLOCK_UNTRUSTED,)))


def word_taken_back_clears_the_muster() -> AbstractContextManager[Any]:
    """Whoever stands on the list by an app's word alone leaves it when that takes its word back."""
    return patched((hub.muster, "_had_left", lambda _, last: last is not None and hub.muster._sure_exit(last)))


OUTSIDE_MUTANTS: dict[str, Mutant] = {
    mutant.__name__: mutant
    for mutant in (
        silence_is_no, web_page_is_no, every_answer_is_about_the_card, errors_inside_overlooked, any_number_believed,
        not_valid_at_once, valid_again_unheard, round_without_an_end, answers_without_a_list, sweep_lost_at_a_restart,
        who_stands_at_a_gate_is_not_asked_about, register_never_left_alone,
        told_again_counts_again, tombstone_overlooked, correction_leaves_presence, only_what_changed_counts,
        cursor_before_the_check_ins, rest_of_a_round_forgotten, overlap_forgotten, token_of_a_former_life,
        their_clock_trusted, late_readers_overlooked, no_json_is_nothing_new, told_when_it_came,
        phone_clears_the_muster, word_taken_back_clears_the_muster,
    )
}  # fmt: skip
