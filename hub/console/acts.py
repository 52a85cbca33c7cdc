"""What can be done at the console. Each is asked once, says what will happen, and tells what came of it.

An act is a value: its question and its fields for the page, its `do` for a thread. All of them are written down with
who, when and why, by the rooms that carry them out.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hub import office, organisation_number
from hub.asking import CommandLine, ask_all, lines
from hub.console.bridge import Outcome
from hub.console.roles import Right
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.words import Words
from hub.crew import decisions
from hub.crew.decisions import Approval, Decided, Decider, decider_named
from hub.crew.rows import SITE_SCHEME
from hub.errors import CrewListError
from hub.letting_in import LetIn, Walked, Wanted, let_in_once
from hub.presence import EXIT, CardKey, HandMark, card_named
from hub.records import Asked, Block
from hub.roll_call import latest_muster
from hub.tables import clean
from portvakt.errors import PortvaktError

REACH_S = 6.0
LOOK_S = 0.1
SIGNS = {True: "✓ ", False: "✗ "}
"""Before what was done, and what was not."""

Tell = Callable[[str], None]
Said = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `option` is what the hub's own complaints call it."""

    name: str
    label: str
    value: str = ""
    option: str = ""
    needed: bool = False
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """`will` says what happens when it is done. `grave` is drawn so."""

    title: str
    will: tuple[str, ...]
    right: Right
    do: Callable[[Site, Said, Tell], Outcome]
    fields: tuple[Field, ...] = ()
    grave: bool = False
    waits: str = ""
    """What is said meanwhile."""
    complaint: str = ""
    """Of a field that is needed and empty."""


class LaneOf(Protocol):
    """A lane of a gate."""

    @property
    def gate(self) -> str: ...
    @property
    def lane(self) -> str | None: ...


def carried_out(act: Act, site: Site, said: Said, tell: Tell) -> Outcome:
    """Do it; an expected failure is an outcome in the words of the field that it is about."""
    if empty := next((one for one in act.fields if one.needed and not said[one.name]), None):
        return Outcome(done=False, lines=(f"{empty.label}: {act.complaint}",))
    try:
        return act.do(site, said, tell)
    except PortvaktError as failed:
        what = clean(str(failed))
        for one in act.fields:
            if one.option and what.startswith(one.option):
                what = f"{one.label}: {what.removeprefix(one.option).lstrip(': ')}"
        return Outcome(done=False, lines=(what,))


class Acts:
    """Makes acts for one user, in one language."""

    def __init__(self, words: Words, user: str, *, tells_all_sites: bool = False) -> None:
        """`tells_all_sites`: this hub can tell our other sites whom it blocks."""
        self._words = words
        self._user = user
        self._tells_all_sites = tells_all_sites

    @property
    def user(self) -> str:
        """Who sits here, as the audit has it."""
        return self._user

    # --- gates ---------------------------------------------------------------------------------------

    def open_lane(self, gate: str, lane: str, direction: str) -> Act:
        """One body through one lane."""
        title = Text.OPEN_ONE_OUT if direction == EXIT else Text.OPEN_ONE
        return self._command(title, Text.WILL_OPEN, [Asked(gate, "open", lane, direction, self._user)])

    def hold_lane(self, gate: str, lane: str) -> Act:
        return self._command(Text.HOLD_ONE, Text.WILL_HOLD, [Asked(gate, "held_open", lane, None, self._user)])

    def lock_lane(self, gate: str, lane: str) -> Act:
        return self._command(Text.LOCK_ONE, Text.WILL_LOCK, [Asked(gate, "locked", lane, None, self._user)])

    def free_lane(self, gate: str, lane: str) -> Act:
        """Back to normal."""
        return self._command(Text.NORMAL_ONE, Text.WILL_NORMAL, [Asked(gate, "normal", lane, None, self._user)])

    def lock_all(self, gates: Sequence[str]) -> Act:
        return self._command(Text.LOCK_ALL, Text.WILL_LOCK, self._everywhere(gates, "locked"), grave=True)

    def normal_all(self, gates: Sequence[str]) -> Act:
        return self._command(Text.NORMAL_ALL, Text.WILL_NORMAL, self._everywhere(gates, "normal"))

    def evacuate(self, gates: Sequence[str], inside: int) -> Act:
        will = self._words.say(Text.WILL_EVACUATE, gates=", ".join(gates), n=inside)
        asked = self._everywhere(gates, "evacuated")
        return replace(self._command(Text.EVACUATE_ALL, Text.WILL_LOCK, asked, grave=True), will=(will, self._noted()))

    def _everywhere(self, gates: Sequence[str], action: str) -> list[Asked]:
        return [Asked(gate, action, None, None, self._user) for gate in gates]

    def _command(self, title: Text, will: Text, wanted: Sequence[Asked], *, grave: bool = False) -> Act:
        lane = _place(wanted[0].gate, wanted[0].lane)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            given = ask_all(site.store, [replace(one, why=said["why"]) for one in wanted])
            answers = {one.number: answer for one, answer in given if answer is not None}
            told = lines([one for one, _ in given], answers, site.clock())
            said_by = [self._told(one) for one in told]
            if len(told) > 1:
                # Each its own: some gates did, some did not.
                said_by = [f"{SIGNS[one.outcome == 'done']}{what}" for one, what in zip(told, said_by, strict=True)]
            return Outcome(all(one.outcome == "done" for one in told), tuple(said_by))

        return Act(
            self._words.say(title, lane=lane), (self._words.say(will), self._noted()), Right.RUN_GATES, do,
            (self._reason(),), grave, self._words.say(Text.ASKING),
        )  # fmt: skip

    def _told(self, line: CommandLine) -> str:
        lane = _place(line.gate, line.lane)
        if line.outcome == "done":
            took_s = ((line.answered_ms or line.issued_ms) - line.issued_ms) / 1000
            return self._words.say(Text.GATE_DID, lane=lane, s=f"{took_s:.1f}")
        if line.outcome == "refused":
            return self._words.say(Text.GATE_REFUSED, lane=lane, what=line.what)
        return self._words.say(Text.GATE_SILENT, lane=lane)

    # --- one person ----------------------------------------------------------------------------------

    def let_in(self, card: CardKey | None, name: str, gate: str, lane: str) -> Act:
        """In once, on somebody's word."""
        place = _place(gate, lane)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            wanted = Wanted(card, gate, lane, self._user, said["why"])
            opened = self._words.say(Text.GATE_DID, lane=place, s="0")
            done = let_in_once(site.store, wanted, site.closing, lambda _: tell(opened))
            return self._let_in(site, done)

        return Act(
            self._words.say(Text.LET_IN_ONCE, name=name, lane=place),
            (self._words.say(Text.WILL_LET_IN, lane=place), self._noted()),
            Right.LET_IN, do, (self._reason(needed=True),),
            complaint=self._words.say(Text.NEEDED), waits=self._words.say(Text.ASKING),
        )  # fmt: skip

    def _let_in(self, site: Site, done: LetIn) -> Outcome:
        answers = {done.given.number: done.answer} if done.answer else {}
        (line,) = lines([done.given], answers, site.clock())
        told = [self._told(line)]
        if done.walked is Walked.TURNED:
            told.append(self._words.say(Text.LET_IN_TURNED))
        elif done.at_ms is not None and done.walked is Walked.PASSED:
            told.append(self._words.say(Text.LET_IN_PASSED, at=self._words.clock(done.at_ms)))
        elif done.at_ms is not None:
            told.append(self._words.say(Text.LET_IN_UNSEEN))
        return Outcome(line.outcome == "done", tuple(told))

    def check_out(self, card: CardKey, name: str, since: str) -> Act:
        """A check-out that was forgotten."""

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            at_ms = site.clock()
            mark = HandMark(card, EXIT, at_ms, self._user, said["why"], at_ms)
            where = office.check_out(site.store, mark, site.closing)
            if where.inside:
                return Outcome(done=False, lines=(self._words.say(Text.STILL_INSIDE),))
            return Outcome(done=True, lines=(self._words.say(Text.CHECKED_OUT, name=name),))

        return Act(
            self._words.say(Text.CHECK_OUT, name=name),
            (self._words.say(Text.WILL_CHECK_OUT, since=since), self._noted()),
            Right.CORRECT_ROSTER, do, (self._reason(needed=True),),
            complaint=self._words.say(Text.NEEDED), waits=self._words.say(Text.WORKING),
        )  # fmt: skip

    # --- who may work here -----------------------------------------------------------------------------

    def block(self, card: CardKey, name: str) -> Act:
        """At every gate here; at every site, where the others can be told."""
        say, named = self._words.say, _named(card)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            everywhere = self._yes(said.get("sites", say(Text.WORD_NO)))
            decided = decisions.block(site.store, card, said["why"], self._decider(site), all_sites=everywhere)
            outcome = self._decided(site, decided, say(Text.BLOCKED_DONE, card=named), tell)
            return replace(outcome, lines=(*outcome.lines, say(Text.BLOCKED_ALL_DONE))) if everywhere else outcome

        will = [say(Text.WILL_BLOCK, name=name), self._noted()]
        fields = [self._reason(needed=True)]
        if self._tells_all_sites:
            will.insert(1, say(Text.WILL_BLOCK_ALL))
            no = say(Text.WORD_NO)
            fields.append(Field("sites", say(Text.FIELD_ALL_SITES), no, suggestions=(say(Text.WORD_YES), no)))
        return Act(
            say(Text.BLOCK, card=named), tuple(will), Right.DECIDE, do, tuple(fields),
            complaint=say(Text.NEEDED), grave=True, waits=say(Text.WORKING),
        )  # fmt: skip

    def unblock(self, card: CardKey, block: Block | None, now_ms: int) -> Act:
        """Our own block; one of another site can only be overruled."""
        if block is not None and block.origin is not None:
            return self._overrule(card, block, block.origin, now_ms)
        named = _named(card)
        will = [self._words.say(Text.WILL_UNBLOCK_PLAIN)]
        if block is not None:
            at = self._words.moment(block.blocked_ms, now_ms)
            will = [self._words.say(Text.WILL_UNBLOCK, at=at, by=block.blocked_by, why=block.reason)]
            if block.all_sites and self._tells_all_sites:
                will.append(self._words.say(Text.WILL_UNBLOCK_ALL))

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            decided = decisions.unblock(site.store, card, self._decider(site))
            return self._decided(site, decided, self._words.say(Text.UNBLOCKED_DONE, card=named), tell)

        noted = self._words.say(Text.NOTED_PLAIN, user=self._user)
        return Act(
            self._words.say(Text.UNBLOCK, card=named), (*will, noted), Right.DECIDE, do,
            waits=self._words.say(Text.WORKING),
        )  # fmt: skip

    def _overrule(self, card: CardKey, block: Block, origin: str, now_ms: int) -> Act:
        say, named = self._words.say, _named(card)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            decided = decisions.overrule(site.store, card, said["why"], self._decider(site))
            return self._decided(site, decided, say(Text.OVERRULED_DONE, card=named, origin=origin), tell)

        at = self._words.moment(block.blocked_ms, now_ms)
        will = say(Text.WILL_OVERRULE, origin=origin, at=at, by=clean(block.blocked_by), why=clean(block.reason))
        return Act(
            say(Text.OVERRULE, card=named, origin=origin), (will, self._noted()), Right.DECIDE, do,
            (self._reason(needed=True),), complaint=say(Text.NEEDED), grave=True, waits=say(Text.WORKING),
        )  # fmt: skip

    def _yes(self, typed: str) -> bool:
        """Raises CrewListError."""
        known = {self._words.say(Text.WORD_YES): True, self._words.say(Text.WORD_NO): False, "": False}
        if (answer := known.get(typed.strip().casefold())) is None:
            raise CrewListError(f"{self._words.say(Text.FIELD_ALL_SITES)}: {self._words.say(Text.YES_OR_NO)}")
        return answer

    def approve(self, card: CardKey, companies: Sequence[str], today: str) -> Act:
        """A card that no list names."""
        title = self._words.say(Text.APPROVE, card=_named(card))
        return self._approval(card, title, Text.WILL_APPROVE, companies, Approval("", today))

    def approve_visitor(self, card: CardKey, companies: Sequence[str], today: str) -> Act:
        """The same for a day, as a visitor of a company."""
        title = self._words.say(Text.APPROVE_VISITOR, card=_named(card))
        return self._approval(card, title, Text.WILL_VISIT, companies, Approval("", today, role="visitor"))

    def extend(self, card: CardKey, name: str, company: str, until: str) -> Act:
        """Somebody who was approved here, until another day."""
        title = self._words.say(Text.EXTEND, name=name)
        act = self._approval(card, title, Text.WILL_APPROVE, (), Approval(company, until))
        return replace(act, fields=act.fields[1:2] + act.fields[:1])

    def prolong(self, card: CardKey, name: str) -> Act:
        """Somebody who is on the crew list, until that list says otherwise."""
        say, named = self._words.say, _named(card)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            decided = decisions.extend(site.store, card, said["until"], said["why"], self._decider(site))
            return self._decided(site, decided, say(Text.EXTENDED_DONE, card=named, until=said["until"]), tell)

        day = Field("until", say(Text.FIELD_UNTIL), "", "--until", needed=True)
        return Act(
            say(Text.EXTEND, name=name), (say(Text.WILL_EXTEND), self._noted()), Right.DECIDE, do,
            (day, self._reason(needed=True)), complaint=say(Text.NEEDED), waits=say(Text.WORKING),
        )  # fmt: skip

    def give_pass(self, companies: Sequence[str], today: str) -> Act:
        """A card of the site's own for somebody who has none."""
        say = self._words.say

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            approval = Approval(
                self._company(site, said["company"]), said["until"], said["first"], said["last"],
                said["born"] or None, no_card_because=said["because"],
            )  # fmt: skip
            card = decisions.card_of(f"{SITE_SCHEME}:{said['number']}")
            decided = decisions.approve(site.store, card, approval, self._decider(site))
            done = say(Text.APPROVED_DONE, card=_named(card), until=said["until"])
            return self._decided(site, decided, done, tell)

        fields = (
            Field("number", say(Text.FIELD_PASS), "", "CARD:", needed=True),
            Field("first", say(Text.FIELD_FIRST), "", "--first-name", needed=True),
            Field("last", say(Text.FIELD_LAST), "", "--last-name", needed=True),
            Field("born", say(Text.FIELD_BORN), "", "--born"),
            Field("company", say(Text.FIELD_COMPANY), "", "--company", suggestions=tuple(companies), needed=True),
            Field("until", say(Text.FIELD_UNTIL), today, "--until", needed=True),
            Field("because", say(Text.FIELD_BECAUSE), "applied", "--no-card-because", needed=True),
        )
        return Act(
            say(Text.GIVE_PASS), (say(Text.WILL_GIVE_PASS),), Right.DECIDE, do, fields,
            complaint=say(Text.NEEDED), waits=say(Text.WORKING),
        )  # fmt: skip

    def _approval(self, card: CardKey, title: str, will: Text, companies: Sequence[str], known: Approval) -> Act:
        say = self._words.say
        named = _named(card)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            approval = Approval(
                self._company(site, said["company"]), said["until"], said.get("first", ""), said.get("last", ""),
                said.get("born") or None, said.get("role") or None,
            )  # fmt: skip
            decided = decisions.approve(site.store, card, approval, self._decider(site))
            done = say(Text.APPROVED_DONE, card=named, until=said["until"])
            return self._decided(site, decided, done, tell)

        fields = (
            Field("company", say(Text.FIELD_COMPANY), known.company, "--company", suggestions=tuple(companies)),
            Field("until", say(Text.FIELD_UNTIL), known.until, "--until"),
            Field("first", say(Text.FIELD_FIRST), known.first_name, "--first-name"),
            Field("last", say(Text.FIELD_LAST), known.last_name, "--last-name"),
            Field("born", say(Text.FIELD_BORN), known.date_of_birth or "", "--born"),
            Field("role", say(Text.FIELD_ROLE), known.role or "", "--role"),
        )
        return Act(title, (say(will),), Right.DECIDE, do, fields, waits=say(Text.WORKING))

    def turn_away(self, card: CardKey) -> Act:
        named = _named(card)

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            decisions.turn_away(site.store, card, said["why"], self._decider(site))
            return Outcome(done=True, lines=(self._words.say(Text.TURNED_AWAY, card=named),))

        return Act(
            self._words.say(Text.TURN_AWAY, card=named), (self._words.say(Text.WILL_TURN_AWAY), self._noted()),
            Right.DECIDE, do, (self._reason(),), waits=self._words.say(Text.WORKING),
        )  # fmt: skip

    def _company(self, site: Site, text: str) -> str:
        """The organisation number that a text names. Raises CrewListError."""
        digits = "".join(sign for sign in text.split("·", maxsplit=1)[0] if not sign.isspace())
        if organisation_number.fits(digits):
            return digits
        if digits.isascii() and digits.isdigit():
            # The hub's own check says what is wrong with a number.
            return text
        sought = text.strip().casefold()
        fitting = {
            number: name
            for number, name in site.company_names().items()
            if sought and name and sought in name.casefold()
        }
        exact = [number for number, name in fitting.items() if name and name.casefold() == sought]
        if len(exact) == 1 or len(fitting) == 1:
            return exact[0] if exact else next(iter(fitting))
        if not fitting:
            raise CrewListError(self._words.say(Text.NO_SUCH_COMPANY, what=text))
        names = ", ".join(sorted(name for name in fitting.values() if name)[:4])
        raise CrewListError(self._words.say(Text.SEVERAL_COMPANIES, what=text, names=names))

    def _decided(self, site: Site, decided: Decided, done: str, tell: Tell) -> Outcome:
        told = [done]
        tell(done)
        if not decided.published:
            return Outcome(done=False, lines=(*told, self._words.say(Text.NOT_PUBLISHED)))
        if decided.answer:
            told.append(self._words.say(Text.NOW_ANSWERS, answer=self._words.answer(decided.answer)))
        told.append(self._reach(site, decided.revision))
        if decided.other_cards:
            told.append(self._words.say(Text.OTHER_CARDS, cards=", ".join(map(_named, decided.other_cards))))
        return Outcome(done=True, lines=tuple(told))

    def _reach(self, site: Site, revision: int) -> str:
        """Waits until the gates on line have the list: it is they that open."""
        began = time.monotonic()
        while True:
            online = {name: one.status for name, one in site.store.gate_health().items() if one.status.online}
            late = sorted(name for name, status in online.items() if status.list_revision < revision)
            took_s = time.monotonic() - began
            if not late and online:
                return self._words.say(Text.LIST_REACHED, revision=revision, s=f"{took_s:.1f}")
            if took_s > REACH_S or not online:
                gates = ", ".join(late) or self._words.say(Text.NO_GATE_ON_LINE)
                return self._words.say(Text.LIST_ON_ITS_WAY, revision=revision, gates=gates)
            time.sleep(LOOK_S)

    # --- an evacuation ---------------------------------------------------------------------------------

    def close_muster(self, unaccounted: int) -> Act:
        say = self._words.say

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            close = office.close_muster_unaccounted if unaccounted else office.close_muster
            close(site.store, self._user, site.clock(), site.closing)
            return Outcome(done=True, lines=(say(Text.MUSTER_IS_CLOSED),))

        will = say(Text.WILL_CLOSE_MISSING, n=unaccounted) if unaccounted else say(Text.WILL_CLOSE)
        return Act(
            say(Text.CLOSE_MUSTER), (will,), Right.CALL_ROLL, do, grave=bool(unaccounted), waits=say(Text.WORKING)
        )

    def seen(self, card: CardKey) -> Callable[[Site], None]:
        """Ticked off: one key, no question, as it can be taken back."""
        return lambda site: office.seen_outside(site.store, card, self._user, site.clock())

    def badged(self, typed: str) -> Callable[[Site], Outcome]:
        """A card was held to a reader at the assembly point, which has typed its number."""

        def tick(site: Site) -> Outcome:
            card = card_named(typed)
            if card is None:
                return Outcome(done=False, lines=(self._words.say(Text.NOBODY_FOUND, sought=typed),))
            try:
                office.seen_outside(site.store, card, self._user, site.clock())
            except PortvaktError as failed:
                return Outcome(done=False, lines=(clean(str(failed)),))
            call = latest_muster(site.store, site.closing)
            people = call.people if call is not None else ()
            who = next((one for one in people if (one.scheme, one.number) == card), None)
            name = (who.name if who else None) or f"{card.scheme}:{card.number}"
            company = (who.employer if who else None) or self._words.say(Text.NO_COMPANY)
            left = self._words.say(Text.STILL_TO_FIND, n=call.unaccounted if call is not None else 0)
            said = self._words.say(Text.BADGED, name=name, company=company)
            return Outcome(done=True, lines=(f"{said} · {left}",))

        return tick

    def company_seen(self, company: str, people: Sequence[tuple[CardKey, str]]) -> Act:
        """Everybody of a company who is looked for was counted outside."""
        say = self._words.say

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            for done, (card, _) in enumerate(people, start=1):
                office.seen_outside(site.store, card, self._user, site.clock())
                tell(f"{done}/{len(people)}")
            return Outcome(done=True, lines=(say(Text.COMPANY_TICKED, n=len(people), company=company),))

        names = ", ".join(name for _, name in people)
        return Act(
            say(Text.TICK_COMPANY, company=company),
            (say(Text.WILL_TICK_COMPANY, n=len(people), names=names),),
            Right.CALL_ROLL,
            do,
            waits=say(Text.WORKING),
        )

    def not_seen(self, card: CardKey) -> Callable[[Site], None]:
        return lambda site: office.not_seen(site.store, card, self._user, site.clock())

    # --- words -------------------------------------------------------------------------------------------

    def _decider(self, site: Site) -> Decider:
        return Decider(decider_named(self._user), site.clock(), site.requirements)

    def _reason(self, *, needed: bool = False) -> Field:
        label = self._words.say(Text.REASON_NEEDED if needed else Text.REASON)
        return Field("why", label, option="--reason", needed=needed)

    def _noted(self) -> str:
        return self._words.say(Text.NOTED_AS, user=self._user)


def _place(gate: str, lane: str | None) -> str:
    return f"{gate}/{lane}" if lane else gate


def _named(card: CardKey) -> str:
    return f"{card.scheme}:{card.number}"
