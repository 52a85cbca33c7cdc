"""Every page of the console, in the order of its number keys. A new page is a file in `screens` and a line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.central.overview import alarm_lines
from hub.console.desk import Desk
from hub.console.roles import Right, Role, may
from hub.console.screens.audit import AuditPage
from hub.console.screens.crew import CrewPage
from hub.console.screens.day import DayPage
from hub.console.screens.deliveries import DeliveriesPage
from hub.console.screens.gates import GATES, GatesPage
from hub.console.screens.legal import LegalPage
from hub.console.screens.muster import MusterPage
from hub.console.screens.now import NowPage
from hub.console.screens.on_site import OnSitePage
from hub.console.screens.page import Page
from hub.console.screens.reports import ReportsPage
from hub.console.screens.waiting import QUEUE, WaitingPage
from hub.console.site import View
from hub.console.texts import Text

ALARMS = View("alarms", lambda site: alarm_lines(site.store), ("revision",))
"""What the hub itself finds wrong."""
ALWAYS: Sequence[View] = (GATES, QUEUE, ALARMS)
"""Read whatever page is shown: what stands above it is made of these."""


@dataclass(frozen=True, slots=True)
class PageKind:
    """A page that can be gone to."""

    name: str
    key: str
    title: Text
    right: Right
    make: Callable[[Desk, str], Page]


def _kind(name: str, key: str, page: type[Page]) -> PageKind:
    return PageKind(name, key, page.title, page.right, page)


PAGES: Sequence[PageKind] = (
    _kind("gates", "1", GatesPage),
    _kind("now", "2", NowPage),
    _kind("on-site", "3", OnSitePage),
    _kind("waiting", "4", WaitingPage),
    _kind("crew", "5", CrewPage),
    _kind("muster", "6", MusterPage),
    _kind("audit", "7", AuditPage),
    _kind("legal", "8", LegalPage),
    _kind("deliveries", "9", DeliveriesPage),
    _kind("reports", "0", ReportsPage),
    _kind("day", "+", DayPage),
)


def pages_for(role: Role) -> Sequence[PageKind]:
    """Those that a role may look at."""
    return tuple(kind for kind in PAGES if may(role, kind.right))
