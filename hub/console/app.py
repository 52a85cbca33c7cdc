"""The console: pages by number, one picture of the site for all of them, questions and answers above.

It decides nothing. What it shows was read in a thread (`reading`) and came over the bridge; what is pressed is done in
another one (`acts`), by the rooms of the hub whose work it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from textual import events, on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.message_pump import MessagePump
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import ContentSwitcher, Input

from hub.config import HubConfig, time_zone
from hub.console.acts import Act, Acts
from hub.console.bridge import Answered, Away, Bridge, Outcome, Pictured, Unreadable
from hub.console.reading import Opening, Reader
from hub.console.registry import ALWAYS, PageKind, pages_for
from hub.console.roles import Right, Role, may
from hub.console.screens.page import Page, SearchedPage
from hub.console.site import Picture, Site, now_ms
from hub.console.texts import Text
from hub.console.widgets.bars import Banner, KeyBar, KeyHint, Tab, TabBar, TopBar
from hub.console.widgets.dialogs import DIALOG_CSS, AskDialog, HelpDialog
from hub.console.widgets.explaining import WhyDialog
from hub.console.words import Language, Words
from hub.live import HappeningLine
from hub.presence import CardKey
from hub.tables import clean
from portvakt.errors import PortvaktError

TOLD_S, READ_S = 30.0, 5.0
"""How long a line that goes by stays; when it may have been read, so that the next key takes it away."""
SILENT_MS = 5_000
"""Each second there is a picture; after so long without one the store hangs, although it has not said no."""

DARK = Theme(
    "portvakt-dark", primary="#4fa3d9", secondary="#8fb8d0", accent="#f2c14e", success="#4cc38a", warning="#f2b134",
    error="#ff6b6b", foreground="#e8edf2", background="#0f1720", surface="#16212c", panel="#1e2c3a", dark=True,
    variables={"cursor": "#1f4a6b", "cursor-faint": "#1b2f40"},
)  # fmt: skip
LIGHT = Theme(
    "portvakt-light", primary="#1c6ea4", secondary="#3d6b86", accent="#8a4b00", success="#0b6b3a", warning="#8a5200",
    error="#b3001b", foreground="#10202c", background="#ffffff", surface="#f3f6f8", panel="#e3eaf0", dark=False,
    variables={"cursor": "#bcdcf2", "cursor-faint": "#e0edf6"},
)  # fmt: skip
ROLES: Mapping[Role, Text] = {
    Role.VIEWER: Text.VIEWER,
    Role.GUARD: Text.GUARD,
    Role.MANAGER: Text.MANAGER,
    Role.INSPECTOR: Text.INSPECTOR,
}


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits at the console, and what they see it in."""

    user: str
    role: Role
    language: Language
    light: bool = False
    demonstration: bool = False


class ConsoleApp(App[None]):
    """The whole of it. `run` it; every way of asking the store stays inside its threads."""

    TITLE = "Portvakt"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = f"""
    Screen {{ layout: vertical; overflow: hidden; background: $background; }}
    ContentSwitcher {{ height: 1fr; }}
    Toast {{ padding: 0 1; }}
    .good {{ color: $success; text-style: bold; }}
    .bad {{ color: $error; text-style: bold; }}
    {DIALOG_CSS}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", show=False),
        Binding("f2", "turn_language", show=False),
        Binding("f3", "turn_theme", show=False),
    ]

    def __init__(self, config: HubConfig, opening: Opening, seat: Seat, clock: Callable[[], int] = now_ms) -> None:
        super().__init__()
        self._config = config
        self._seat = seat
        self._clock = clock
        self._zone = time_zone(config.presence)
        self.words = Words(seat.language, self._zone)
        self.role = seat.role
        self._kinds = pages_for(seat.role)
        self._pages: dict[str, Page] = {}
        self._picture: Picture | None = None
        self._trouble: tuple[Text, str] | None = None
        self._reader = Reader(opening, config, ALWAYS if may(seat.role, Right.LOOK) else (), Bridge(self), clock)
        self._told_at = 0.0

    # --- set up --------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        return Screen(id="_default")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Of the themes that are Textual's own."""
        return {"cursor": "#1f4a6b", "cursor-faint": "#1b2f40"}

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield TabBar()
        yield Banner("demonstration")
        yield Banner("away")
        yield Banner("mustering")
        self._pages = {kind.name: kind.make(self, kind.name) for kind in self._kinds}
        with ContentSwitcher(initial=f"page-{self._kinds[0].name}"):
            yield from self._pages.values()
        yield KeyBar()

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = LIGHT.name if self._seat.light else DARK.name
        self.go_to(self._kinds[0].name)
        self.set_interval(1.0, self._tick)
        self.run_worker(self._reader.run, thread=True, group="reader", exit_on_error=True)

    def on_unmount(self) -> None:
        self._reader.stop()

    # --- what the threads hand over --------------------------------------------------------------------

    def on_pictured(self, event: Pictured) -> None:
        """A new picture."""
        self._picture = event.picture
        self._trouble = None
        with self._while_it_is_there():
            self.page.show(event.picture)
            self._say_bars()

    def on_away(self, event: Away) -> None:
        """The last picture stays, with its age."""
        self._trouble = (Text.AWAY if self._picture else Text.AWAY_AT_ONCE, event.why)
        with self._while_it_is_there():
            self._say_bars()

    def on_unreadable(self, event: Unreadable) -> None:
        self._trouble = (Text.FAILED_TO_READ, event.why)
        with self._while_it_is_there():
            self._say_bars()

    @contextmanager
    def _while_it_is_there(self) -> Iterator[None]:
        """A thread may hand something over while the page is being taken down, and parts of it are gone already."""
        try:
            yield
        except NoMatches:
            if self.query("TabBar") and self.query("KeyBar") and all(page.children for page in self._pages.values()):
                raise

    # --- pages -----------------------------------------------------------------------------------------

    @property
    def page(self) -> Page:
        """The one at hand."""
        return self._pages[self.query_one(ContentSwitcher).current.removeprefix("page-")]  # type: ignore[union-attr]

    @property
    def kind(self) -> PageKind:
        """What the page at hand is."""
        return next(kind for kind in self._kinds if self._pages[kind.name] is self.page)

    @property
    def picture(self) -> Picture | None:
        """The last one."""
        return self._picture

    def go_to(self, name: str) -> None:
        """Another page, with the last picture until there is a new one."""
        self.query_one(ContentSwitcher).current = f"page-{name}"
        self.clear_notifications()
        page = self.page
        self._reader.look_at(page.views)
        page.take_focus()
        if self._picture is not None:
            page.show(self._picture)
        self._say_bars()

    def on_key(self, event: events.Key) -> None:
        """Numbers are pages, letters are the page's own."""
        if time.monotonic() - self._told_at > READ_S:
            self.clear_notifications()
        if len(self.screen_stack) > 1:
            return
        if isinstance(self.focused, Input):
            if event.key in ("escape", "up", "down") and isinstance(self.page, SearchedPage):
                event.stop()
                self.page.close_search() if event.key == "escape" else self.page.take_focus()
            return
        if self._press(event.key) or (event.character and self._press(event.character)):
            event.stop()

    def _press(self, key: str) -> bool:
        for kind in self._kinds:
            if kind.key == key:
                self.go_to(kind.name)
                return True
        for one in self.page.offers():
            if key in (one.key, one.shown) and key != "enter":
                if may(self.role, one.right):
                    one.press()
                else:
                    self._refuse()
                return True
        match key:
            case "question_mark" | "?":
                self.action_help()
            case "q":
                self.exit()
            case "escape" if isinstance(self.page, SearchedPage):
                self.page.close_search()
            case "left" | "right":
                self._turn_page(1 if key == "right" else -1)
            case _:
                return False
        return True

    def _turn_page(self, by: int) -> None:
        place = self._kinds.index(self.kind)
        self.go_to(self._kinds[(place + by) % len(self._kinds)].name)

    @on(TabBar.Pressed)
    def _tab_clicked(self, event: TabBar.Pressed) -> None:
        self.go_to(event.page)

    @on(KeyBar.Pressed)
    def _key_clicked(self, event: KeyBar.Pressed) -> None:
        if event.key == "enter":
            for one in self.page.offers():
                if one.key == "enter":
                    one.press()
        else:
            self._press(event.key)

    # --- what pages ask of it (`screens.page.Desk`) --------------------------------------------------------

    @property
    def acts(self) -> Acts:
        site = self.site
        tells = site is not None and site.config.all_sites.publish is not None
        return Acts(self.words, self._seat.user, tells_all_sites=tells)

    @property
    def now_ms(self) -> int:
        return self._clock()

    @property
    def site(self) -> Site | None:
        """For whoever acts; None before the store has opened."""
        return self._reader.site

    def ask(self, act: Act | None) -> None:
        if act is None:
            return
        if not may(self.role, act.right):
            self._refuse()
        elif self.site is None:
            self._say_bars()
        else:
            self.push_screen(AskDialog(act, lambda: self.site, self.words), self._acted)

    def explain(self, card: CardKey, happening: HappeningLine | None = None) -> None:
        if may(self.role, Right.LOOK) and self.site is not None:
            self.push_screen(WhyDialog(self, card, happening))

    def fetch(self, receiver: MessagePump, name: str, read: Callable[[Site], object]) -> None:
        if (site := self.site) is not None:
            reading = partial(_read, site, name, read, Bridge(receiver), Bridge(self))
            self.run_worker(reading, thread=True, group="fetch", exit_on_error=True)

    def do(self, act: Callable[[Site], None], right: Right) -> None:
        if not may(self.role, right):
            self._refuse()
        elif (site := self.site) is not None:
            self.run_worker(partial(_do, site, act, Bridge(self)), thread=True, group="do", exit_on_error=True)

    def keys_changed(self) -> None:
        self._reader.look_at(self.page.views)
        self._say_bars()

    def tell(self, text: str) -> None:
        self._say_in_passing(text, "information")

    def _say_in_passing(self, text: str, severity: SeverityLevel) -> None:
        self._told_at = time.monotonic()
        self.clear_notifications()
        self.notify(clean_lines(text), severity=severity, markup=False, timeout=TOLD_S)

    def _acted(self, done: bool | None) -> None:  # noqa: FBT001  # Textual's own callback
        if done:
            self._reader.look_again()

    def on_answered(self, event: Answered) -> None:
        """Of what was done without a question."""
        if event.outcome.done:
            self._reader.look_again()
        else:
            self._say_in_passing("\n".join(event.outcome.lines), "error")

    def _refuse(self) -> None:
        self._say_in_passing(self.words.say(Text.NOT_YOURS, role=self.words.say(ROLES[self.role])), "warning")

    # --- help, palette, language, light ------------------------------------------------------------------------

    def action_help(self) -> None:
        """Every key there is."""
        say = self.words.say
        who = say(Text.HELP_ROLE, user=self._seat.user, role=say(ROLES[self.role]))
        mine = [key for key in self.page.offers() if may(self.role, key.right)]
        pages = [KeyHint(kind.key, kind.key, say(kind.title)) for kind in self._kinds]
        self.push_screen(HelpDialog(self.words, say(self.kind.title), (mine, self._general(), pages), who))

    def action_turn_language(self) -> None:
        """The other one."""
        self.words = Words("en" if self.words.language == "nb" else "nb", self._zone)
        for page in self._pages.values():
            page.relabel()
        if self._picture is not None:
            self.page.show(self._picture)
        self._say_bars()

    def action_turn_theme(self) -> None:
        self.theme = DARK.name if self.theme == LIGHT.name else LIGHT.name

    def action_command_palette(self) -> None:
        """In the language of the page."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder=self.words.say(Text.SEEK_COMMAND)))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every page, every key of the page at hand."""
        say = self.words.say
        for kind in self._kinds:
            yield SystemCommand(
                say(Text.GO_TO, page=say(kind.title)), f"{kind.key}", partial(self.go_to, kind.name)
            )  # fmt: skip
        for key in self.page.offers():
            if may(self.role, key.right):
                yield SystemCommand(key.does, f"{say(self.kind.title)}: {key.shown}", key.press)
        yield SystemCommand(say(Text.HELP), "?", self.action_help)
        yield SystemCommand(say(Text.LANGUAGE), "F2", self.action_turn_language)
        yield SystemCommand(say(Text.LIGHT), "F3", self.action_turn_theme)
        yield SystemCommand(say(Text.QUIT), "q", self.exit)

    def _general(self) -> Sequence[KeyHint]:
        say = self.words.say
        return (
            KeyHint("right", "← →", say(Text.NEXT_PAGE)),
            KeyHint("up", "↑ ↓ PgUp PgDn", say(Text.MOVE)),
            KeyHint("ctrl+p", "Ctrl-P", say(Text.COMMANDS)),
            KeyHint("f2", "F2", say(Text.LANGUAGE)),
            KeyHint("f3", "F3", say(Text.LIGHT)),
            KeyHint("question_mark", "?", say(Text.HELP)),
            KeyHint("q", "q", say(Text.QUIT)),
        )

    # --- bars -----------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        with self._while_it_is_there():
            self._say_bars()
            self.page.tick()

    def _say_bars(self) -> None:
        if not self.query(TabBar):
            # What a thread has handed over while the page is being closed.
            return
        words, say, picture = self.words, self.words.say, self._picture
        queue = picture.values.get("waiting") if picture else None
        waiting = len(queue.cards) if queue else 0
        tabs = [
            Tab(kind.name, kind.key, say(kind.title), waiting if kind.name == "waiting" else 0) for kind in self._kinds
        ]
        self.query_one(TabBar).say(tabs, self.kind.name)
        role = say(ROLES[self.role])
        left = [(self._config.list15.name or self._config.site, "strong")]
        if picture is not None and may(self.role, Right.LOOK):
            left.append((say(Text.INSIDE, n=picture.pulse.inside), "strong"))
            found = picture.values.get("gates")
            alarms = sum(len(gate.alarms) for gate in found.gates) if found else 0
            alarms += len(picture.values.get("alarms", ()))
            if alarms:
                left.append((f"▲ {say(Text.ONE_ALARM) if alarms == 1 else say(Text.ALARMS, n=alarms)}", "bad"))
        self.query_one(TopBar).say(left, [f"{self._seat.user} ({role})", words.clock(self._clock())])
        self._say_banners()
        mine = [key for key in self.page.offers() if may(self.role, key.right)]
        hints = [KeyHint(key.key, key.shown, key.does, key.grave) for key in mine]
        last = [KeyHint("question_mark", "?", say(Text.HELP)), KeyHint("q", "q", say(Text.QUIT))]
        self.query_one(KeyBar).say(hints, last)

    def _say_banners(self) -> None:
        words, say, picture = self.words, self.words.say, self._picture
        if self._seat.demonstration:
            self.query_one("#demonstration", Banner).say(say(self.page.invented), "note")
        away = self.query_one("#away", Banner)
        old_ms = self._clock() - picture.at_ms if picture else 0
        trouble = self._trouble or ((Text.AWAY, say(Text.SILENT)) if old_ms > SILENT_MS else None)
        if trouble is None:
            away.say("")
        else:
            text, why = trouble
            away.say(say(text, age=words.age(old_ms), why=why))
        began_ms = picture.pulse.muster_ms if picture and may(self.role, Right.LOOK) else None
        mustering = self.query_one("#mustering", Banner)
        if began_ms is None or self.kind.name == "muster":
            mustering.say("")
        else:
            key = next(kind.key for kind in self._kinds if kind.name == "muster")
            mustering.say(f"▲ {say(Text.MUSTER_RUNS, at=words.clock(began_ms), key=key)}")


def _read(site: Site, name: str, read: Callable[[Site], object], receiver: Bridge, app: Bridge) -> None:
    """A thread's part."""
    try:
        receiver.found(name, read(site))
    except PortvaktError as failed:
        app.away(str(failed))


def _do(site: Site, act: Callable[[Site], None], app: Bridge) -> None:
    """A thread's part."""
    try:
        act(site)
    except PortvaktError as failed:
        app.answer(Outcome(done=False, lines=(str(failed),)))
    else:
        app.answer(Outcome(done=True, lines=()))


def clean_lines(text: str) -> str:
    """Several lines of a stranger's text."""
    return "\n".join(map(clean, text.split("\n")))
