"""All that one site has blocked for every site: one message, whole, signed by its hub. Pure.

A book names each card with the moment of its last change and whether it is blocked or no longer. A card that it does
not name is left as it is: a hub that has lost its disk lifts nothing. Which of two books of a site is the newer one
`made_ms` tells, which never goes back; an older one, whoever brings it again, changes nothing.

The envelope is a CloudEvent. The signature is Ed25519 over the very bytes of `data_base64`, after a line that says
what they are for, so that no other message of a hub could be shown as one of these.
"""

import base64
import binascii
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from hub.identity_number import masked, objection
from hub.presence import CardKey
from hub.records import HeardBlock, ToldBlock

TYPE: Literal["no.portvakt.blocks.v1"] = "no.portvakt.blocks.v1"
SCHEMA: Literal["https://portvakt.no/schemas/feed/v1/blocks.json"] = "https://portvakt.no/schemas/feed/v1/blocks.json"
MAX_BYTES = 16 << 20
"""Of a message; some 60 000 cards."""
AHEAD_MS = 5 * 60_000
"""Clocks differ by so much. A book from further ahead would make all that follow it look older."""
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000
LATELY_MS = 24 * 3_600_000
MAX_REASON = 200
MAX_BY = 60
_PURPOSE = b"portvakt blocks for all sites\n"
_IDS = uuid.UUID("a3f2c8de-6f0b-5b52-9c3e-2f1d7f0a9d41")


class BookCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One card. Of a card that is no longer blocked nothing is told but that."""

    scheme: Annotated[str, Meta(min_length=1, max_length=16)]
    number: Annotated[str, Meta(min_length=1, max_length=40, description="As it stands on the card.")]
    at_ms: Annotated[int, Meta(description="When it was blocked or lifted, Unix milliseconds; it only grows.")]
    state: Literal["blocked", "lifted"]
    reason: Annotated[str, Meta(description="Why, in the words of the site that has blocked it.")] = ""
    by: Annotated[str, Meta(description="Who has blocked it, as that site's audit has it.")] = ""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All of one site, in the order of scheme and number."""

    site: Annotated[str, Meta(min_length=1, max_length=40, description="The site that has blocked them.")]
    made_ms: Annotated[int, Meta(description="Unix milliseconds; of two books of a site the greater one counts.")]
    cards: tuple[BookCard, ...]


class BlocksEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A book in its envelope: CloudEvents 1.0, structured, JSON."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(description="The same for the same book.", extra_json_schema={"format": "uuid"})]
    source: Annotated[str, Meta(description="`/portvakt/SITE/@hub`.", extra_json_schema={"format": "uri-reference"})]
    type: Literal["no.portvakt.blocks.v1"]
    time: Annotated[str, Meta(description="`made_ms`, in UTC.", extra_json_schema={"format": "date-time"})]
    datacontenttype: Literal["application/json"]
    dataschema: Literal["https://portvakt.no/schemas/feed/v1/blocks.json"]
    signature: Annotated[
        str,
        Meta(
            description="Base64 of Ed25519, by the key of the site's hub, over the line `portvakt blocks for all "
            "sites`, its line feed, and the octets of `data_base64`.",
            extra_json_schema={"contentEncoding": "base64"},
        ),
    ]
    data_base64: Annotated[
        str, Meta(description="The book: JSON in UTF-8.", extra_json_schema={"contentEncoding": "base64"})
    ]


class NotBelieved(Exception):
    """A message that is refused, and worth an alarm: malformed, unsigned, or signed by somebody else."""


class Stranger(Exception):
    """A message of a site that is not listened to; nothing is wrong with that."""


class Limits(NamedTuple):
    """How much of one origin is taken without asking: so many new cards within 24 hours, of which `lately` came
    already."""

    now_ms: int
    at_once: int
    lately: int


class Step(NamedTuple):
    """What a book changes here. `aside` is what could not be used of it, and why; no card number in it."""

    write: tuple[HeardBlock, ...] = ()
    lift: tuple[HeardBlock, ...] = ()
    held: int = 0
    aside: tuple[str, ...] = ()


def book_of(site: str, made_ms: int, told: Iterable[ToldBlock]) -> Book:
    """The book of a site. Reasons go out without anything like an identity number, cut to a length (P12)."""
    cards = [
        BookCard(
            scheme=one.scheme,
            number=one.number,
            at_ms=one.at_ms,
            state="blocked" if one.blocked else "lifted",
            reason=_short(one.reason, MAX_REASON) if one.blocked else "",
            by=_short(one.said_by, MAX_BY) if one.blocked else "",
        )
        for one in sorted(told, key=lambda one: (one.scheme, one.number))
    ]
    return Book(site=site, made_ms=made_ms, cards=tuple(cards))


def sealed(book: Book, private: Ed25519PrivateKey) -> bytes:
    """The message; the same book makes the same."""
    data = msgspec.json.encode(book)
    made = datetime.fromtimestamp(book.made_ms / 1000, UTC).isoformat(timespec="milliseconds")
    event = BlocksEvent(
        specversion="1.0",
        id=str(uuid.uuid5(_IDS, f"{book.site}\n{book.made_ms}")),
        source=f"/portvakt/{book.site}/@hub",
        type=TYPE,
        time=made.replace("+00:00", "Z"),
        datacontenttype="application/json",
        dataschema=SCHEMA,
        signature=base64.b64encode(private.sign(_PURPOSE + data)).decode(),
        data_base64=base64.b64encode(data).decode(),
    )
    return msgspec.json.encode(event)


def believed(payload: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Book:
    """The book in a message that may come from anybody. `keys` are those of the hubs that are trusted, by site.

    Raises NotBelieved, or Stranger for a site without a key here.
    """
    if len(payload) > MAX_BYTES:
        raise NotBelieved(f"has {len(payload)} bytes; the limit is {MAX_BYTES}")
    try:
        event = _event.decode(payload)
        data = base64.b64decode(event.data_base64, validate=True)
        signature = base64.b64decode(event.signature, validate=True)
        book = _book.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError) as broken:
        raise NotBelieved("is no signed list of blocks") from broken
    key = keys.get(book.site)
    if key is None:
        raise Stranger(book.site)
    try:
        key.verify(signature, _PURPOSE + data)
    except InvalidSignature as wrong:
        raise NotBelieved(f"says that it comes from {book.site}, and is not signed by the key of that hub") from wrong
    return book


def step(book: Book, known: Mapping[CardKey, HeardBlock], limits: Limits) -> Step:
    """What a book changes of what was heard of its site, which is newer than all that was taken of it before.

    Of many new cards at once none counts until somebody here accepts them. What was overruled here is so until that
    site blocks the card anew.
    """
    latest, aside = _usable(book.cards)
    fresh: list[HeardBlock] = []
    changed: list[HeardBlock] = []
    lifted: list[HeardBlock] = []
    for card, one in latest.items():
        before = known.get(card)
        if before is not None and one.at_ms <= before.at_ms:
            continue
        if one.state == "lifted":
            lifted += [before] if before is not None else []
            continue
        heard = HeardBlock(
            book.site, *card, one.at_ms, _short(one.reason, MAX_REASON), _short(one.by, MAX_BY), limits.now_ms
        )
        if before is None:
            fresh.append(heard)
        else:
            changed.append(_anew(heard, before))
    too_many = bool(fresh) and limits.lately + len(fresh) > limits.at_once
    if too_many:
        fresh = [replace(one, held=True) for one in fresh]
    return Step((*fresh, *changed), tuple(lifted), len(fresh) if too_many else 0, tuple(aside))


def _usable(cards: Sequence[BookCard]) -> tuple[dict[CardKey, BookCard], list[str]]:
    """The last word about each card; and what is wrong with others."""
    latest: dict[CardKey, BookCard] = {}
    aside = []
    for place, one in enumerate(cards):
        if (wrong := _objection(one)) is not None:
            aside.append(f"cards.{place}.{wrong}")
            continue
        card = CardKey(one.scheme, one.number)
        if card not in latest or latest[card].at_ms < one.at_ms:
            latest[card] = one
    return latest, aside


def _objection(one: BookCard) -> str | None:
    if not (one.scheme.isprintable() and one.number.isprintable()) or objection(one.number) is not None:
        return "number: holds what may not be stored here"
    if not EARLIEST_MS <= one.at_ms <= LATEST_MS:
        return "at_ms: lies before the year 2000, or after 2099"
    return None


def _anew(heard: HeardBlock, before: HeardBlock) -> HeardBlock:
    """The card was blocked there once more, with another reason perhaps: it waits here still if it did."""
    return replace(heard, heard_ms=before.heard_ms, held=before.held, accepted_by=before.accepted_by)


def _short(text: str, most: int) -> str:
    return masked(text)[:most]


_event = msgspec.json.Decoder(BlocksEvent)
_book = msgspec.json.Decoder(Book)
