"""An invented, busy site to look at: `hub console --demo`. All of it is in a folder of its own that goes with it."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from hub.config import ConsoleSettings, HubConfig, List15Settings, closing_rule, database
from hub.console.app import ConsoleApp, Seat
from hub.console.demo.receivers import TARGETS
from hub.console.demo.stage import SITE, Stage
from hub.console.roles import Role
from hub.console.words import Language
from hub.store import HubStore

USER = "demo"


def invented(folder: Path) -> HubConfig:
    """The settings of the invented site."""
    place = List15Settings(name="Kvartal 7", address="Kaigata 7, 0150 Oslo", client="Havnebyen Eiendom")
    console = ConsoleSettings(everybody_else="manager")
    return HubConfig(site=SITE, state_dir=str(folder), list15=place, targets=TARGETS, console=console)


def play(language: Language, *, light: bool) -> int:
    """Show it on this terminal until it is closed."""
    with playing() as config:
        seat = Seat(USER, Role.MANAGER, language, light=light, demonstration=True)
        ConsoleApp(config, lambda: HubStore(database(config)), seat).run()
    return 0


@contextlib.contextmanager
def playing() -> Iterator[HubConfig]:
    """The site goes on as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="portvakt-console-") as name:
        config = invented(Path(name))
        with contextlib.closing(HubStore(database(config))) as store:
            stage = Stage(store, closing_rule(config.presence))
            stage.open()
            stop = threading.Event()
            thread = threading.Thread(target=stage.play, args=(stop,), name="demonstration")
            thread.start()
            try:
                yield config
            finally:
                stop.set()
                thread.join()
