"""Day: how many were inside through it, how many badges a minute, and what was refused for what reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from textual.app import ComposeResult
from textual.color import Color
from textual.widgets import Static
from textual_plotext import PlotextPlot

from hub.console.bridge import Found
from hub.console.desk import Desk, PageKey
from hub.console.screens.page import Page
from hub.console.site import Picture, Site, View
from hub.console.texts import Text
from hub.console.words import Words
from hub.curves import Badges, Inside, steps
from hub.daily import badges_through, day_of, inside_through, refusals

OTHER = "other day"
HOUR_MS = 3_600_000
BAR = 24
BLOCKS = " ▏▎▍▌▋▊▉"
ROOM_FOR_BOTH = 28
ROOM_FOR_REASONS = 18
MARKS, MARK_CELLS = 6, 13
"""So many times of day below a plot, where each has so much room."""


@dataclass(frozen=True, slots=True)
class DayCurves:
    """One day, as far as it has come: from the hour on in which something happened."""

    day: date
    inside: tuple[Inside, ...]
    badges: tuple[Badges, ...]
    reasons: tuple[tuple[str, int], ...]

    @property
    def happened(self) -> bool:
        """Whether anybody came, left, or was inside."""
        return any(one.people for one in self.inside) or any(one.granted or one.refused for one in self.badges)


def day_curves(site: Site, day: date) -> DayCurves:
    """A thread's part. Raises StoreError."""
    now_ms = site.clock()
    whole = day_of(day, site.zone)
    until_ms = min(whole.until_ms, now_ms)
    plot = steps(whole.from_ms, until_ms)
    with site.store.at_one_moment() as store:
        inside = inside_through(store, plot, site.closing, now_ms)
        badges = badges_through(store, plot)
        reasons = refusals(store, whole.from_ms, until_ms)
    happened = [one.time_ms for one in inside if one.people]
    happened += [one.time_ms for one in badges if one.granted or one.refused]
    first_ms = min(happened, default=max(whole.from_ms, until_ms - HOUR_MS))
    first_ms -= (first_ms - whole.from_ms) % HOUR_MS
    return DayCurves(
        day,
        tuple(one for one in inside if one.time_ms >= first_ms),
        tuple(one for one in badges if one.time_ms >= first_ms),
        tuple(reasons),
    )


def _today(site: Site) -> DayCurves:
    return day_curves(site, date.fromisoformat(Words("en", site.zone).today(site.clock())))


DAY = View("day", _today, ("events", "mark"), stale_s=20.0)


class DayPage(Page):
    """Two plots and a list; all of it in words as well."""

    title: ClassVar[Text] = Text.DAY
    views: Sequence[View] = (DAY,)
    can_focus = True
    DEFAULT_CSS = """
    DayPage PlotextPlot { height: 1fr; min-height: 4; }
    DayPage #said { height: auto; padding: 0 1; }
    DayPage .plotted { height: 1; padding: 0 1; color: $accent; text-style: bold; }
    DayPage #reasons { height: auto; max-height: 9; padding: 0 1; }
    """

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(desk, name)
        self._today: DayCurves | None = None
        self._other: DayCurves | None = None
        self._back = 0

    def compose(self) -> ComposeResult:
        yield Static(self.desk.words.say(Text.READING), id="said", markup=False)
        yield Static(classes="plotted", id="inside-title", markup=False)
        yield PlotextPlot(id="inside-plot")
        yield Static(classes="plotted", id="badges-title", markup=False)
        yield PlotextPlot(id="badges-plot")
        yield Static(id="reasons", markup=False)

    def take_focus(self) -> None:
        self.focus()

    def show(self, picture: Picture) -> None:
        curves = picture.values.get("day")
        if curves is not None and curves is not self._today:
            self._today = curves
            self._draw()

    def relabel(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def offers(self) -> Sequence[PageKey]:
        say = self.desk.words.say
        keys = [PageKey("b", "b", say(Text.KEY_EARLIER), lambda: self._move(1))]
        if self._back:
            keys += [
                PageKey("n", "n", say(Text.KEY_LATER), lambda: self._move(-1)),
                PageKey("t", "t", say(Text.KEY_TODAY), lambda: self._move(-self._back)),
            ]
        return keys

    def on_found(self, event: Found) -> None:
        """Another day than today."""
        event.stop()
        self._other = event.value
        self._draw()

    def _move(self, by: int) -> None:
        self._back = max(0, self._back + by)
        self._other = None
        if self._back:
            day = date.fromisoformat(self.desk.words.today(self.desk.now_ms)) - timedelta(days=self._back)
            self.desk.fetch(self, OTHER, lambda site: day_curves(site, day))
        self._draw()
        self.desk.keys_changed()

    # --- what it says --------------------------------------------------------------------------------

    def _draw(self) -> None:
        say = self.desk.words.say
        curves = self._other if self._back else self._today
        said = self.query_one("#said", Static)
        if curves is None:
            said.update(say(Text.READING))
            return
        said.update("\n".join(self._said(curves)))
        both = self.app.size.height >= ROOM_FOR_BOTH
        for one in ("#inside-title", "#inside-plot"):
            self.query_one(one).display = curves.happened
        self.query_one("#inside-title", Static).update(say(Text.PLOT_INSIDE))
        self._plot("#inside-plot", [(one.time_ms, one.people) for one in curves.inside])
        title, plot = self.query_one("#badges-title", Static), self.query_one("#badges-plot", PlotextPlot)
        title.display = plot.display = both and curves.happened
        title.update(say(Text.PLOT_BADGES))
        self._plot("#badges-plot", [(one.time_ms, one.a_minute) for one in curves.badges])
        reasons = self.query_one("#reasons", Static)
        reasons.display = bool(curves.reasons) and self.app.size.height >= ROOM_FOR_REASONS
        room = 8 if both else 5
        reasons.update("\n".join(self._reasons(curves.reasons, room)))

    def _said(self, curves: DayCurves) -> list[str]:
        """All that the plots show, in words."""
        words = self.desk.words
        granted, refused = (sum(getattr(one, name) for one in curves.badges) for name in ("granted", "refused"))
        share = f"{100 * refused / max(1, granted + refused):.0f} %"
        lines = [f"{curves.day} · {words.say(Text.DAY_BADGES, granted=granted, refused=refused, share=share)}"]
        if not curves.happened:
            lines.append(words.say(Text.NO_BADGE_THAT_DAY))
        elif curves.inside:
            most = max(curves.inside, key=lambda one: one.people)
            lines.append(
                words.say(
                    Text.DAY_INSIDE,
                    last=curves.inside[-1].people,
                    at=self._clock(curves.inside[-1].time_ms),
                    most=most.people,
                    then=self._clock(most.time_ms),
                )
            )
        if granted + refused:
            busiest = max(curves.badges, key=lambda one: one.a_minute)
            rate = words.decimal(busiest.a_minute)
            lines.append(words.say(Text.DAY_BUSIEST, rate=rate, at=self._clock(busiest.time_ms)))
        return lines

    def _clock(self, time_ms: int) -> str:
        return self.desk.words.clock(time_ms)[:5]

    def _plot(self, where: str, points: Sequence[tuple[int, float]]) -> None:
        widget = self.query_one(where, PlotextPlot)
        plot = widget.plt
        plot.clear_figure()
        if points:
            times, values = [float(one[0]) for one in points], [one[1] for one in points]
            ink = Color.parse(self.app.current_theme.primary).rgb
            plot.plot(times, values, marker="hd", fillx=True, color=ink)
            marks = max(2, min(MARKS, self.app.size.width // MARK_CELLS))
            marked = times[:: max(1, -(-len(times) // marks))]
            plot.xticks(marked, [self._clock(round(one)) for one in marked])
            most = max(1.0, *values)
            plot.ylim(0, most)
            heights = [0.0, most / 2, most]
            labels = [self.desk.words.decimal(one) for one in heights]
            wide = max(map(len, labels))
            plot.yticks(heights, [label.rjust(wide) for label in labels])
        widget.refresh()

    def _reasons(self, reasons: Sequence[tuple[str, int]], room: int) -> list[str]:
        words = self.desk.words
        lines = [words.say(Text.PLOT_REASONS)]
        most = reasons[0][1] if reasons else 1
        wide = max((len(words.answer(reason)) for reason, _ in reasons[:room]), default=0)
        for reason, count in reasons[:room]:
            lines.append(f"{words.answer(reason):<{wide}} {count:>5}  {bar(count, most)}")
        if rest := sum(count for _, count in reasons[room:]):
            lines.append(words.say(Text.OTHER_REASONS, n=rest))
        return lines


def bar(count: int, most: int) -> str:
    """Of blocks, to an eighth of one."""
    eighths = round(count * BAR * 8 / max(1, most))
    return ("█" * (eighths // 8) + BLOCKS[eighths % 8]).rstrip()
