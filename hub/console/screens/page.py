"""What every page of the console is: views that it wants read, a picture that it shows, keys that it offers."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from hub.console.desk import Desk, PageKey
from hub.console.roles import Right
from hub.console.site import Picture, View
from hub.console.texts import Text
from hub.console.widgets.sheet import Sheet


class Page(Vertical):
    """One page. It holds no truth: what it shows is the last picture."""

    title: ClassVar[Text]
    right: ClassVar[Right] = Right.LOOK
    invented: ClassVar[Text] = Text.DEMONSTRATION
    """What a demonstration says above it."""
    views: Sequence[View] = ()
    DEFAULT_CSS = """
    Page { height: 1fr; }
    Page .headline {
        height: 1; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis;
    }
    Page Input.search { border: none; height: 1; padding: 0 1; background: $panel; display: none; }
    Page Input.search:focus { border: none; }
    Page Input.search.open { display: block; }
    """

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__(id=f"page-{name}")
        self.desk = desk

    def show(self, picture: Picture) -> None:
        """Draw what was read."""
        raise NotImplementedError

    def offers(self) -> Sequence[PageKey]:
        """What can be pressed here now, the most wanted first."""
        return ()

    def relabel(self) -> None:
        """The language has changed."""

    def tick(self) -> None:
        """A second has gone by."""

    def take_focus(self) -> None:
        """Be ready for keys."""
        self.query(Sheet).first().focus()


class SearchedPage(Page):
    """A page with a line to search in, opened by `/`."""

    sought = ""

    def search_line(self) -> Input:
        """To be composed above the sheet."""
        return Input(classes="search", placeholder=self.desk.words.say(Text.SEARCH_FOR), select_on_focus=False)

    def found(self) -> None:
        """Show what is sought now."""
        raise NotImplementedError

    def search_key(self) -> PageKey:
        return PageKey("slash", "/", self.desk.words.say(Text.SEARCH), self.open_search)

    def open_search(self) -> None:
        line = self.query_one(Input)
        line.add_class("open")
        line.focus()

    def close_search(self) -> bool:
        """Everybody again; False when nothing was sought."""
        line = self.query_one(Input)
        if not line.has_class("open"):
            return False
        line.value = ""
        line.remove_class("open")
        self.take_focus()
        return True

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.sought = event.value.strip().casefold()
        self.found()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.take_focus()

    def relabel(self) -> None:
        self.query_one(Input).placeholder = self.desk.words.say(Text.SEARCH_FOR)


def fits(sought: str, hay: str) -> bool:
    """Whether every word that is sought is in it."""
    return all(word in hay for word in sought.split())
