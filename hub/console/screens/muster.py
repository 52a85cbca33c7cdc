"""Muster: the roll call, those to look for first."""

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from hub.console.bridge import Found
from hub.console.desk import Desk, PageKey
from hub.console.printing import sent
from hub.console.roles import Right
from hub.console.screens.page import SearchedPage, fits
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.widgets.badges import BadgesDialog
from hub.console.widgets.sheet import Cell, Column, Heading, Sheet
from hub.console.words import Words
from hub.errors import PaperError
from hub.muster import FIRE, UNACCOUNTED, Outcome
from hub.presence import CardKey
from hub.queries import GateLine
from hub.reports.as_text import as_text
from hub.reports.muster import muster
from hub.reports.report import Imprint, Report
from hub.roll_call import CalledPerson, RollCall, latest_muster

ROOM_FOR_WARNING = 20
OUTCOMES = {
    Outcome.MISSING: ("✗", Text.OUTCOME_MISSING, "bad"),
    Outcome.MAY_BE_INSIDE: ("▲", Text.OUTCOME_MAY_BE, "bad"),
    Outcome.CAME_IN: ("▲", Text.OUTCOME_CAME_IN, "bad"),
    Outcome.WENT_OUT: ("✓", Text.OUTCOME_WENT_OUT, "good"),
    Outcome.LEFT_BEFORE: ("✓", Text.OUTCOME_LEFT, "good"),
    Outcome.SEEN_OUTSIDE: ("✓", Text.OUTCOME_SEEN, "good"),
}
PRINTED = "printed"
_FOLLOWS = ("presence", "mark", "check", "closed_musters", "muster_ms", "revision")


def _muster(site: Site) -> RollCall | None:
    return latest_muster(site.store, site.closing)


ROLL = View("muster", _muster, _FOLLOWS, stale_s=20.0)


class MusterPage(SearchedPage):
    """Who is to be looked for; the space bar ticks off."""

    title: ClassVar[Text] = Text.MUSTER
    views: Sequence[View] = (ROLL,)
    DEFAULT_CSS = """
    MusterPage #warning { height: auto; text-wrap: wrap; text-overflow: fold; }
    MusterPage #count { height: 1; padding: 0 1; text-style: bold; }
    MusterPage #count.missing { background: $error; color: $background; }
    MusterPage #count.whole { background: $success; color: $background; }
    """

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._call: RollCall | None = None
        self._read = False
        self._by_company = False
        self._gates: tuple[GateLine, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="count", markup=False)
        yield Static(classes="headline", markup=False)
        yield Static(classes="headline", id="warning", markup=False)
        yield self.search_line()
        yield Sheet[CalledPerson](
            self._columns(), lambda one: (one.scheme, one.number), self._cells,
            empty=self.desk.words.say(Text.READING), id="roll",
        )  # fmt: skip

    def show(self, picture: Picture) -> None:
        if "muster" not in picture.values:
            return
        none_yet = self._call is None
        self._call, self._read = picture.values["muster"], True
        self._gates = picture.values["gates"].gates
        self.found()
        if none_yet != (self._call is None):
            self.desk.keys_changed()

    def tick(self) -> None:
        self._say()

    def relabel(self) -> None:
        super().relabel()
        self._sheet.say_columns(self._columns())
        self.found()

    def offers(self) -> Sequence[PageKey]:
        say, roll = self.desk.words.say, Right.CALL_ROLL
        if self._call is None:
            return ()
        order = Text.KEY_BY_OUTCOME if self._by_company else Text.KEY_BY_COMPANY
        return (
            PageKey("space", "␣", say(Text.KEY_TICK), self._tick, roll),
            PageKey("u", "u", say(Text.KEY_UNTICK), self._untick, roll),
            PageKey("b", "b", say(Text.KEY_BADGES), self._badges, roll),
            PageKey("a", "a", say(Text.KEY_TICK_COMPANY), self._tick_company, roll),
            self.search_key(),
            PageKey("s", "s", say(order), self._turn),
            PageKey("p", "p", say(Text.KEY_PRINT), self._print),
            PageKey("C", "C", say(Text.KEY_CLOSE_MUSTER), self._close, roll),
        )

    def found(self) -> None:
        say = self.desk.words.say
        people = self._call.people if self._call else ()
        if self.sought:
            people = tuple(one for one in people if fits(self.sought, _hay(one)))
        items: list[CalledPerson | Heading] = list(people)
        if self._by_company:
            items = []
            # Of each company those to look for stand first, as they come in that order.
            grouped = sorted(people, key=lambda one: (one.employer or "~").casefold())
            for employer, group in groupby(grouped, key=lambda one: one.employer):
                those = list(group)
                missing = sum(one.outcome in UNACCOUNTED for one in those)
                items += [Heading(employer or say(Text.NO_COMPANY), f"{missing}/{len(those)}"), *those]
        empty = say(Text.NO_MUSTER) if self._read else say(Text.READING)
        if self.sought:
            empty = say(Text.NOBODY_FOUND, sought=self.sought)
        # Who was ticked off goes to the end: the cursor stays where the next one stands.
        self._sheet.show(items, empty=empty, follow=self._by_company)
        self._say()

    @on(Sheet.Chosen)
    def _chosen(self, event: Sheet.Chosen) -> None:
        event.stop()
        if (one := self._sheet.chosen) is not None:
            self.desk.explain(CardKey(one.scheme, one.number))

    @property
    def _sheet(self) -> Sheet[CalledPerson]:
        return self.query_one("#roll", Sheet)

    def _say(self) -> None:
        words, call = self.desk.words, self._call
        count = self.query_one("#count", Static)
        head = self.query_one(".headline", Static)
        warning = self.query_one("#warning", Static)
        count.display = head.display = call is not None
        warned = readers_not_counting(self._gates, words) if call is not None and call.running else []
        if self.app.size.height >= ROOM_FOR_WARNING:
            warned.append(words.say(Text.MUSTER_WARNING))
        warning.display = call is not None and bool(warned)
        warning.update("\n".join(warned))
        if call is None:
            return
        everybody = len(call.people)
        missing = call.unaccounted
        count.update(
            f"✗ {words.say(Text.LOOK_FOR, n=missing, all=everybody)}"
            if missing
            else f"✓ {words.say(Text.ALL_ACCOUNTED, all=everybody)}"
        )
        count.set_class(bool(missing), "missing")
        count.set_class(not missing, "whole")
        now_ms = self.desk.now_ms
        cause = words.say(Text.CAUSE_FIRE if call.cause == FIRE else Text.CAUSE_EVACUATED)
        at = words.moment(call.began_ms, now_ms)
        if call.running:
            elapsed = words.elapsed(now_ms - call.began_ms)
            text = words.say(Text.MUSTER_HEAD, cause=cause, gate=call.gate, at=at, elapsed=elapsed)
        else:
            closed = words.moment(call.closed_ms, now_ms)
            by = call.closed_by or "–"
            text = words.say(Text.MUSTER_CLOSED, cause=cause, gate=call.gate, at=at, closed=closed, by=by)
        head.update(text)

    # --- keys ----------------------------------------------------------------------------------------

    def _goes_on(self) -> bool:
        if self._call is not None and not self._call.running:
            self.desk.tell(self.desk.words.say(Text.MUSTER_NOT_RUNNING))
        return self._call is not None and self._call.running

    def _tick(self) -> None:
        one = self._sheet.chosen
        if one is not None and self._goes_on():
            self.desk.do(self.desk.acts.seen(CardKey(one.scheme, one.number)), Right.CALL_ROLL)

    def _untick(self) -> None:
        one = self._sheet.chosen
        if one is not None and self._goes_on():
            self.desk.do(self.desk.acts.not_seen(CardKey(one.scheme, one.number)), Right.CALL_ROLL)

    def _badges(self) -> None:
        if self._goes_on():
            self.app.push_screen(BadgesDialog(self.desk))

    def _tick_company(self) -> None:
        """All of the company whose line is chosen who are still looked for."""
        chosen = self._sheet.chosen
        if chosen is None or self._call is None or not self._goes_on():
            return
        missing = [
            (CardKey(one.scheme, one.number), one.name or f"{one.scheme}:{one.number}")
            for one in self._call.people
            if one.employer == chosen.employer and one.outcome in UNACCOUNTED
        ]
        if missing:
            company = chosen.employer or self.desk.words.say(Text.NO_COMPANY)
            self.desk.ask(self.desk.acts.company_seen(company, missing))

    def _turn(self) -> None:
        self._by_company = not self._by_company
        self.found()
        self.desk.keys_changed()

    def _close(self) -> None:
        if self._goes_on() and self._call is not None:
            self.desk.ask(self.desk.acts.close_muster(self._call.unaccounted))

    def _print(self) -> None:
        words = self.desk.words
        self.desk.fetch(self, PRINTED, lambda site: printed(site, words))

    def on_found(self, event: Found) -> None:
        """What became of the paper."""
        event.stop()
        self.desk.tell(str(event.value))

    # --- a line --------------------------------------------------------------------------------------

    def _columns(self) -> list[Column]:
        say = self.desk.words.say
        return [
            Column(say(Text.COL_STATE), 16),
            Column(say(Text.COL_NAME), 14, 4),
            Column(say(Text.COL_COMPANY), 12, 3, 2),
            Column(say(Text.COL_SINCE), 12, 0, 3),
            Column(say(Text.COL_GATE), 10, 1, 4),
            Column(say(Text.COL_SEEN), 16, 2, 1),
        ]

    def _cells(self, one: CalledPerson) -> list[Cell]:
        words, now_ms = self.desk.words, self.desk.now_ms
        sign, text, tone = OUTCOMES[Outcome(one.outcome)]
        where = f"{one.gate}/{one.lane}" if one.gate and one.lane else one.gate or ""
        zone = one.zone.partition("/")[2]
        return [
            Cell(f"{sign} {words.say(text)}", tone),
            Cell(one.name, "strong" if tone == "bad" else "") if one.name else Cell(f"{one.scheme}:{one.number}", tone),
            Cell(one.employer or ""),
            Cell(words.say(Text.NOT_ON_LIST) if one.not_on_list else words.moment(one.since_ms, now_ms)),
            Cell(" · ".join(filter(None, (where, zone)))),
            Cell(_seen(one, words, now_ms)),
        ]


def readers_not_counting(gates: Sequence[GateLine], words: Words) -> list[str]:
    """What to know of the muster readers that account for nobody now: a line for each assembly point, or reader."""
    found = []
    for gate in gates:
        if not gate.online or gate.clock_trusted is False:
            text = Text.READER_CLOCK if gate.online else Text.READER_OFF_LINE
            points = sorted(set(gate.muster_readers.values()))
            found += [words.say(text, gate=gate.gate, point=point) for point in points]
            continue
        for reader, point in sorted(gate.muster_readers.items()):
            if (state := gate.readers.get(reader, "?")) != "ok":
                found.append(words.say(Text.READER_NOT_WELL, reader=reader, point=point, state=words.reader(state)))
    return found


def _seen(one: CalledPerson, words: Words, now_ms: int) -> str:
    if one.seen_ms is not None and one.seen_point is not None:
        return words.say(Text.SEEN_AT_READER, point=one.seen_point, at=words.moment(one.seen_ms, now_ms))
    if one.seen_ms is not None:
        return words.say(Text.SEEN_BY, by=one.seen_by or "", at=words.moment(one.seen_ms, now_ms))
    if one.passages:
        last = one.passages[-1]
        way = words.say(Text.IN if last.zone else Text.OUT)
        return f"{way} {words.moment(last.time_ms, now_ms)} {last.gate or ''}".strip()
    return ""


def _hay(one: CalledPerson) -> str:
    return " ".join(filter(None, (one.name, one.employer, one.scheme, one.number))).casefold()


def printed(site: Site, words: Words) -> str:
    """The roll call on paper, or in a file beside the database; returns what is to be said of it."""
    call = latest_muster(site.store, site.closing)
    if call is None:
        return words.say(Text.NO_MUSTER)
    report = muster(call, Imprint(site.config.site, words.language, site.zone, site.clock()))
    body, ending = _paper(report)
    why = ""
    if command := site.config.console.print_command:
        why = sent(command, body)
        if not why:
            return words.say(Text.PRINTED)
    file = site.folder / f"muster-{words.stamp(site.clock())}.{ending}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(body)
    except OSError as refused:
        return f"{file}: {refused.strerror}"
    if why:
        return words.say(Text.NOT_PRINTED, why=why, file=file)
    return words.say(Text.SAVED, file=file)


def _paper(report: Report) -> tuple[bytes, str]:
    """As PDF; as text on a machine that has no font or no library for one: nobody waits for that while it burns."""
    try:
        from hub.reports.as_pdf import as_pdf

        return as_pdf(report), "pdf"
    except (ModuleNotFoundError, PaperError):
        return f"{as_text(report)}\n".encode(), "txt"
