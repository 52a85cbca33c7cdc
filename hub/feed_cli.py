"""`hub feed tail`: listens at the central broker of a feed, and shows what comes."""

import argparse
import random
import secrets
import sys
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, config_of, positive, settings_file

if TYPE_CHECKING:
    from hub.central.mqtt import Received
    from hub.central.receivers.feed import FeedSettings

REMEMBERED = 10_000
"""Ids by which a repetition is known."""
_KINDS = ("passage", "refusal", "roster", "alarm")


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    group = verbs.add_parser("feed", help="the feed to a central broker", description="The feed to a central broker.")
    inner = group.add_subparsers(required=True, metavar="WHAT")
    verb = add_verb(inner, "tail", _tail, "show what the feed tells, as it comes; Ctrl-C ends it", json=True)
    verb.add_argument("--target", metavar="NAME", help="which feed, where the settings have several")
    verb.add_argument("--kind", action="append", choices=_KINDS, help="only this; may be given several times")
    verb.add_argument("--count", metavar="N", type=positive, help="end after so many")


def _tail(options: argparse.Namespace) -> int:
    from hub.central.mqtt import BrokerSession, Shut, Unreachable
    from hub.central.receivers.feed import topics
    from hub.errors import FeedError
    from portvakt.backoff import Backoff

    name, site, settings = _feed_of(options)
    client_id = f"portvakt-{site}-{name}-tail-{secrets.token_hex(4)}"
    listener = _Listener(options.kind or _KINDS, options.count, as_json=options.json)
    attempt, before = 0, False
    backoff = Backoff(random.random)
    try:
        while True:
            try:
                session = BrokerSession.opened(settings, client_id)
                try:
                    session.subscribe(topics(settings, site))
                    where = f"{settings.host}:{settings.port}"
                    _say(f"listening at {where}, {', '.join(topics(settings, site))}; Ctrl-C ends it")
                    attempt, before = 0, True
                    for message in session.messages():
                        if listener.done_with(message):
                            return 0
                finally:
                    session.close()
            except Unreachable as away:
                if not before:
                    raise FeedError(f"{away}; nothing listens there, or not to us") from away
                wait_ms = backoff.wait_ms(attempt)
                attempt += 1
                _say(f"{away}; what comes meanwhile is not shown. Again in {wait_ms / 1000:.1f} s")
                time.sleep(wait_ms / 1000)
            except Shut as shut:
                raise FeedError(str(shut)) from shut
    except KeyboardInterrupt:
        return 0


class _Listener:
    """Prints each event once."""

    def __init__(self, kinds: tuple[str, ...], count: int | None, *, as_json: bool) -> None:
        self._kinds = frozenset(kinds)
        self._left = count
        self._as_json = as_json
        self._seen: OrderedDict[str, None] = OrderedDict()

    def done_with(self, message: "Received") -> bool:
        """Whether that was the last one."""
        from hub.central.receivers.feed_messages import FeedEvent, decode

        try:
            event: FeedEvent = decode(message.payload)
        except ValueError as strange:
            _say(f"{_printable(message.topic)}: a message that is none of the feed's ({strange})")
            return False
        kind = event.type.split(".")[-2]
        if event.id in self._seen or kind not in self._kinds:
            return False
        self._seen[event.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        line = _as_it_came(message.payload) if self._as_json else _line(event, kind)
        print(line, flush=True)
        if self._left is not None:
            self._left -= 1
        return self._left == 0


def _as_it_came(payload: bytes) -> str:
    """The message in one line, with what a newer hub has added."""
    import msgspec

    return msgspec.json.encode(msgspec.json.decode(payload)).decode()


def _line(event: Any, kind: str) -> str:
    """One event in one line."""
    data = event.data
    place = "/".join(str(one) for one in (data.gate, data.lane) if one) or event.source.rpartition("/")[2]
    if kind == "alarm":
        words = [data.state, data.alarm, data.what or ""]
    else:
        said = {"passage": "direction", "refusal": "reason", "roster": "change"}[kind]
        words = [getattr(data, said) or "", *_whose(data)]
        if kind == "roster":
            words.append(f"[{data.zone}, {data.sure}]")
        if kind == "passage" and data.how != "completed":
            words.append(f"[{data.how}]")
    told = " ".join(str(word) for word in words if word)
    return _printable(f"{event.time}  {kind:<7}  {place:<16}  {told}".rstrip())


def _whose(data: Any) -> list[str]:
    words = []
    if data.card:
        words.append(
            f"{data.card.scheme}:{data.card.number}" if data.card.number else f"card {data.card.pseudonym[:12]}…"
        )
    if data.person:
        person = data.person
        words.append(
            f"{person.first_name} {person.last_name}" if person.last_name else f"person {person.pseudonym[:12]}…"
        )
    if data.employer:
        words.append(f"({data.employer.name or data.employer.organisation_number})")
    return words


def _feed_of(options: argparse.Namespace) -> "tuple[str, str, FeedSettings]":
    """Name, site and settings of the feed that is meant. Raises SettingsError or FeedError."""
    from hub.central.receivers.feed import feed_settings
    from hub.central.registry import TargetPlace
    from hub.config import time_zone
    from hub.errors import FeedError

    file = settings_file(options)
    config = config_of(options)
    feeds = {one.name: one for one in config.targets if one.kind == "feed"}
    names = ", ".join(sorted(feeds))
    if not feeds:
        raise FeedError(f'{file}: there is no feed; add a [[targets]] with kind = "feed" (docs/feed.md)')
    if options.target is None and len(feeds) > 1:
        raise FeedError(f"there are several feeds: {names}; say which one with --target NAME")
    name = options.target or next(iter(feeds))
    if name not in feeds:
        raise FeedError(f"--target: {name!r} is none of the feeds in {file}: {names}")
    place = TargetPlace(name, config.site, feeds[name].settings, file, time_zone(config.presence))
    return name, config.site, feed_settings(place)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _say(text: str) -> None:
    print(f"hub: {text}", file=sys.stderr, flush=True)
