"""`hub console`: the site manager's page, on a terminal or in a browser."""

import argparse
import logging
import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of
from hub.errors import HubError

if TYPE_CHECKING:
    from hub.config import HubConfig
    from hub.console.roles import Role
    from hub.console.words import Language

NOBODY_LOGGED_IN = 4294967295
"""What the kernel says of a process that no login stands behind."""


def add_verbs(verbs: Any) -> None:
    """Add it to the program."""
    verb = add_verb(verbs, "console", _console, "what goes on at the gates, and the keys to act on it")
    verb.add_argument("--demo", action="store_true", help="an invented busy site, to look at")
    verb.add_argument("--web", action="store_true", help="in a browser: [console.web] in the settings says where")
    verb.add_argument("--language", choices=("nb", "en"), help="Norwegian or English")
    verb.add_argument("--light", action="store_true", help="dark on light")
    # What the web server says to the process behind a page.
    verb.add_argument("--in-browser", choices=("look", "press"), help=argparse.SUPPRESS)


def _console(options: argparse.Namespace) -> int:
    if options.web:
        from hub.console.web import serve, settings_of

        web = settings_of(None if options.demo else config_of(options))
        return serve(web, _again(options), invented=options.demo)
    if options.in_browser is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise HubError("the console needs a terminal; hub roster, hub events and hub gates have --json for machines")
    # A line of a log would be written across the page.
    logging.getLogger().addHandler(logging.NullHandler())
    if options.demo:
        from hub.console.demo import play

        return play(language_of(options.language), light=options.light)
    return _run(options, config_of(options))


def _run(options: argparse.Namespace, config: "HubConfig") -> int:
    from hub.config import database
    from hub.console.app import ConsoleApp, Seat
    from hub.console.roles import in_browser
    from hub.store import HubStore

    user = user_here()
    role = role_here(config, user)
    if options.in_browser is not None:
        # Who sits there, nobody knows: only who has started the server.
        role = in_browser(role, trusted=options.in_browser == "press")
        user = f"{user} (browser)"
    said = config.console
    language = options.language or said.language or language_of(None)
    seat = Seat(user, role, language, light=options.light or said.theme == "light")
    ConsoleApp(config, lambda: HubStore(database(config)), seat).run()
    return 0


def role_here(config: "HubConfig", user: str) -> "Role":
    """What the settings let this user do."""
    from hub.console.roles import Role, role_of

    said = config.console
    named = {
        Role.MANAGER: said.managers,
        Role.GUARD: said.guards,
        Role.VIEWER: said.viewers,
        Role.INSPECTOR: said.inspectors,
    }
    return role_of(user, named, Role(said.everybody_else))


def user_here(login: Path = Path("/proc/self/loginuid")) -> str:
    """Who has logged in, as the kernel knows: not what the environment says, which everybody may change."""
    uid = os.getuid()
    try:
        logged_in = int(login.read_text(encoding="ascii"))
    except (OSError, ValueError):
        logged_in = NOBODY_LOGGED_IN
    if logged_in != NOBODY_LOGGED_IN:
        uid = logged_in
    elif uid == 0 and os.environ.get("SUDO_USER"):
        # Root may do everything, so whom root names may be believed.
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def language_of(said: str | None) -> "Language":
    """The language that was asked for, otherwise the terminal's."""
    named = said or os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "nb" if named[:2] in ("nb", "nn", "no") else "en"


def _again(options: argparse.Namespace) -> list[str]:
    """The same words for the process behind a browser's page."""
    words = ["console"]
    if options.config:
        words += ["--config", str(Path(options.config).resolve())]
    if options.language:
        words += ["--language", options.language]
    if options.light:
        words.append("--light")
    if options.demo:
        words.append("--demo")
    return words
