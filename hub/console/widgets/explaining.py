"""Why a card was refused: each requirement, what it was, where it came from, and the key that mends it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text as Line
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from hub.console.acts import Act
from hub.console.bridge import Found
from hub.console.desk import Desk
from hub.console.mending import KEY_FOR, RIGHT_FOR, Advice, Mend, advice
from hub.console.roles import Right, may
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.widgets.bars import KeyBar, KeyHint
from hub.console.words import Words
from hub.explanation import Requirement, Why, why
from hub.live import HappeningLine
from hub.presence import CardKey
from hub.tables import clean

EXPLAINED = "explained"
SHOWN_BADGES = 5
NAME_CELLS = 34


@dataclass(frozen=True, slots=True)
class Explained:
    """All that the dialog shows, of one moment. `seen_ms` is the last passage; None when there was none."""

    why: Why
    approved_here: bool
    seen_ms: int | None
    companies: tuple[str, ...]


def explained(site: Site, card: CardKey) -> Explained:
    """A thread's part."""
    today = Words("en", site.zone).today(site.clock())
    with site.store.crew_as_it_is() as crew:
        member = crew.member(card)
    with site.store.looking() as looking:
        seen = looking.last_seen([card]).get(card)
    names = tuple(sorted(site.company_names().values()))
    approved = member is not None and member.approved_by is not None
    return Explained(why(site.store, card, site.requirements, today), approved, seen.time_ms if seen else None, names)


class WhyDialog(ModalScreen[None]):
    """One card. `happening` is the badge that was asked about; without one it is the card alone."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self, desk: Desk, card: CardKey, happening: HappeningLine | None) -> None:
        super().__init__()
        self._desk = desk
        self._card = card
        self._happening = happening
        self._found: Explained | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Line(f"{self._card.scheme}:{self._card.number}"), classes="title", id="who")
            with VerticalScroll():
                yield Static(Line(self._desk.words.say(Text.READING)), classes="body", id="why")
            yield KeyBar()

    def on_mount(self) -> None:
        self._say_keys()
        self.query_one(VerticalScroll).focus()
        self.read()

    def on_screen_resume(self) -> None:
        """An act on top of it has ended: what is known now?"""
        if self._found is not None:
            self.read()

    def read(self) -> None:
        """Ask anew."""
        self._desk.fetch(self, EXPLAINED, lambda site: explained(site, self._card))

    def on_found(self, event: Found) -> None:
        """Draw it."""
        event.stop()
        self._found = event.value
        found = self._found
        if found is None:
            return
        known = ", ".join(filter(None, (found.why.name, found.why.employer)))
        self.query_one("#who", Static).update(Line(clean(f"{found.why.card}  {known}")))
        self.query_one("#why", Static).update(self.text(found))
        self._say_keys()

    # --- keys ----------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if event.character == "m" and self._mend() is not None:
            event.stop()
            self._ask(self._mending())
        elif event.character == "o" and self._can_let_in():
            event.stop()
            self._ask(self._letting_in())
        elif event.character == "b" and self._can_block():
            event.stop()
            self._ask(self._blocking())

    @on(KeyBar.Pressed)
    def _clicked(self, event: KeyBar.Pressed) -> None:
        event.stop()
        acts: dict[str, Callable[[], Act | None]] = {
            "m": self._mending, "o": self._letting_in, "b": self._blocking,
        }  # fmt: skip
        if event.key in acts:
            self._ask(acts[event.key]())
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Back to the page."""
        self.dismiss()

    def _ask(self, act: Act | None) -> None:
        self._desk.ask(act)

    @property
    def _said(self) -> str | None:
        line = self._happening
        return line.reason if line is not None and line.kind == "badge.refused" else None

    def _advice(self) -> Advice:
        if self._found is None:
            return Advice()
        return advice(self._found.why, self._said, approved_here=self._found.approved_here)

    def _mend(self) -> Mend | None:
        """What this role may mend."""
        if self._found is None:
            return None
        mend = self._advice().mend
        return mend if mend in KEY_FOR and may(self._desk.role, RIGHT_FOR[mend]) else None

    def _mending(self) -> Act | None:
        found, desk, line = self._found, self._desk, self._happening
        if found is None:
            return None
        acts = desk.acts
        match self._mend():
            case Mend.UNBLOCK:
                return acts.unblock(self._card, found.why.block, desk.now_ms)
            case Mend.APPROVE:
                return acts.approve(self._card, found.companies, desk.words.today(desk.now_ms))
            case Mend.EXTEND:
                company, until = found.why.organisation_number or "", found.why.valid_until or ""
                return acts.extend(self._card, self._called(), company, until)
            case Mend.CHECK_OUT:
                return acts.check_out(self._card, self._called(), desk.words.moment(found.seen_ms, desk.now_ms))
            case Mend.NORMAL if line is not None and line.lane is not None:
                return acts.free_lane(line.gate, line.lane)
        return None

    def _can_let_in(self) -> bool:
        return self._said is not None and may(self._desk.role, Right.LET_IN)

    def _letting_in(self) -> Act | None:
        line = self._happening
        if line is None or line.lane is None:
            return None
        return self._desk.acts.let_in(self._card, self._called(), line.gate, line.lane)

    def _can_block(self) -> bool:
        return self._found is not None and self._found.why.block is None and may(self._desk.role, Right.DECIDE)

    def _blocking(self) -> Act | None:
        return self._desk.acts.block(self._card, self._called())

    def _called(self) -> str:
        named = self._found.why.name if self._found else None
        return named or f"{self._card.scheme}:{self._card.number}"

    def _say_keys(self) -> None:
        say = self._desk.words.say
        hints = []
        if (mend := self._mend()) is not None:
            hints.append(KeyHint("m", "m", say(KEY_FOR[mend])))
        if self._can_let_in():
            hints.append(KeyHint("o", "o", say(Text.KEY_LET_IN)))
        if self._can_block():
            hints.append(KeyHint("b", "b", say(Text.KEY_BLOCK)))
        self.query_one(KeyBar).say(hints, [KeyHint("escape", "Esc", say(Text.CLOSE))])

    # --- what it says --------------------------------------------------------------------------------

    def text(self, found: Explained) -> Line:
        """All of it, in lines that wrap."""
        words, why, now_ms = self._desk.words, found.why, self._desk.now_ms
        say = words.say
        text = Line()
        if (line := self._happening) is not None:
            granted = line.kind == "badge.granted"
            where = f"{line.gate}/{line.lane}" if line.lane else line.gate
            said = say(
                Text.AT_THE_GATE,
                gate=where,
                at=words.moment(line.place.time_ms, now_ms),
                answer=words.answer(line.reason),
            )
            text.append(f"{'✓' if granted else '✗'} {said}\n", self._tone("good" if granted else "bad"))
        if why.answer == "no_list":
            text.append(f"▲ {say(Text.NO_LIST)}\n", self._tone("warn"))
        else:
            good = why.answer == "granted"
            today = say(Text.TODAY, answer=words.answer(why.answer), revision=why.revision)
            text.append(f"{'✓' if good else '✗'} {today}\n", self._tone("good" if good else "bad"))
        if why.pending:
            text.append(f"▲ {say(Text.PENDING, answer=words.answer(why.pending))}\n", self._tone("warn"))
        self._blocks(text, why, now_ms)
        self._advise(text, found)
        text.append("\n")
        if not why.requirements:
            text.append(f"{say(Text.NOTHING_KNOWN)}\n")
        self._require_all(text, why.requirements)
        self._dates(text, why)
        if why.register is not None and why.register.status is not None:
            said = words.register(why.register.status)
            at = words.moment(why.register.answered_ms, now_ms)
            text.append(f"\n{say(Text.REGISTER_SAYS, said=said, at=at)}\n")
        if why.other_cards:
            text.append(f"\n{say(Text.OTHER_CARDS, cards=', '.join(why.other_cards))}\n")
        self._past(text, why, now_ms)
        return text

    def _blocks(self, text: Line, why: Why, now_ms: int) -> None:
        """What other sites have blocked, whether it counts here or not."""
        words = self._desk.words
        for block in why.blocks:
            if block.origin is not None:
                at, by, reason = words.moment(block.blocked_ms, now_ms), clean(block.blocked_by), clean(block.reason)
                said = words.say(Text.BLOCKED_ELSEWHERE, at=at, by=by, origin=block.origin, why=reason)
                text.append(f"✗ {said}\n", self._tone("bad"))
        for one in why.passed_over:
            said = words.say(Text.BLOCK_WAITS, origin=one.origin)
            if one.overruled_ms is not None:
                at, reason = words.moment(one.overruled_ms, now_ms), clean(one.overruled_because or "")
                said = words.say(
                    Text.BLOCK_OVERRULED, origin=one.origin, by=clean(one.overruled_by or ""), at=at, why=reason
                )
            text.append(f"▲ {said}\n", self._tone("warn"))

    def _advise(self, text: Line, found: Explained) -> None:
        say = self._desk.words.say
        advised = self._advice()
        if advised.mend is Mend.NOTHING_LEFT:
            if self._happening is not None and self._said is not None:
                text.append(f"✓ {say(Text.ALLOWED_TODAY)}\n", self._tone("good"))
        elif advised.mend is not None:
            key = "m " if self._mend() is not None else ""
            text.append(f"→ {say(Text.MENDS)} {key}{say(KEY_FOR[advised.mend])}\n", "bold")
        elif advised.elsewhere is not None:
            text.append(f"→ {say(Text.MENDS_ELSEWHERE)} {say(advised.elsewhere)}\n", "bold")

    def _require_all(self, text: Line, requirements: Sequence[Requirement]) -> None:
        """What is missing first; then what is met; in one line what nobody asks for. The source that most of them
        share is named once."""
        words = self._desk.words
        asked = sorted((one for one in requirements if one.action != "off"), key=lambda one: one.met)
        sources = Counter(one.source for one in asked if one.source)
        shared = sources.most_common(1)[0][0] if sources else ""
        for one in asked:
            self._require(text, one, sourced=one.source != shared)
        if unasked := [words.requirement(one.requirement) for one in requirements if one.action == "off"]:
            text.append(f"○ {words.say(Text.NOT_ASKED)}: {', '.join(unasked)}\n", self._tone("dim"))
        if shared:
            text.append(f"{words.say(Text.FROM_ALL if len(sources) == 1 else Text.FROM_REST, source=shared)}\n")

    def _require(self, text: Line, one: Requirement, *, sourced: bool) -> None:
        words = self._desk.words
        say = words.say
        if one.met:
            sign, state, tone = "✓", say(Text.MET), "good"
        elif one.action == "warn":
            sign, state, tone = "▲", say(Text.UNMET_WARNS), "warn"
        else:
            sign, state, tone = "✗", say(Text.UNMET), "bad"
        name = words.requirement(one.requirement)
        text.append(f"{sign} {name + ' ':.<{NAME_CELLS}} {state}", self._tone(tone))
        value = words.value(one.value)
        if value not in (words.value("yes"), words.value("no")):
            text.append(f" · {value}")
        if sourced and one.source:
            text.append(f"\n    {clean(one.source)}", self._tone("dim"))
        text.append("\n")

    def _dates(self, text: Line, why: Why) -> None:
        say = self._desk.words.say
        if why.valid_from or why.valid_until:
            period = say(Text.PERIOD_FROM_UNTIL, first=why.valid_from or "…", last=why.valid_until or "…")
            text.append(f"\n{say(Text.PERIOD)}: {period}\n")
        if why.card_expiry:
            text.append(f"{say(Text.CARD_EXPIRES, day=why.card_expiry)}\n")

    def _past(self, text: Line, why: Why, now_ms: int) -> None:
        words = self._desk.words
        say = words.say
        if why.audit:
            text.append(f"\n{say(Text.DECIDED)}\n", "bold")
            for entry in why.audit:
                at = words.moment(entry.at_ms, now_ms)
                text.append(f"  {at}  {clean(entry.action)}  {clean(entry.who)}  {clean(entry.detail)}\n")
        text.append(f"\n{say(Text.LAST_BADGES)}\n", "bold")
        if not why.events:
            text.append(f"  {say(Text.NEVER_SHOWN)}\n")
        for event in why.events[:SHOWN_BADGES]:
            sign = "✓" if event.kind == "badge.granted" else "✗"
            way = say(Text.IN if event.direction == "entry" else Text.OUT)
            where = f"{event.gate}/{event.lane}" if event.lane else event.gate
            at = words.moment(event.time_ms, now_ms)
            text.append(f"  {sign} {at}  {clean(where)} {way}  {words.answer(event.reason)}\n")

    def _tone(self, tone: str) -> str:
        """A style of the theme at hand."""
        theme = self.app.current_theme
        colours = {"good": theme.success, "bad": theme.error, "warn": theme.warning}
        return f"bold {colours[tone]}" if tone in colours else "dim"
