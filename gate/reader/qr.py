"""What a QR code holds: a link or a bare code, of an HMS card or of a temporary card's receipt. Pure.

A profile (TOML, `config/coding/demo-qr.toml` is the documented example) lists the forms that are taken;
anything else is Unreadable with a reason. No link is ever followed: a gate asks its permit list and
nobody else (P1), and a code on paper is a claim, whatever host it names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec

from gate.errors import CodingError
from gate.model import CardContents, CardId, Unreadable
from gate.reader.coding import accept_text
from gate.reader.language import NumberSettings
from portvakt.errors import SettingsError
from portvakt.settings import Settings, parse

MAX_CODE_CHARACTERS = 512
MAX_QUERY_PARTS = 20

FIELDS = ("card_number", "organisation_number")

Scheme = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]


class LinkForm(Settings, frozen=True, kw_only=True):
    """A link. Its path is a template: `{card_number}` is taken, `*` is any one step; or a parameter of the query is."""

    hosts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    path: str = "/"
    query: dict[str, str] = msgspec.field(default_factory=dict)
    """Name of a parameter to name of a field; other parameters do not matter."""
    scheme: Scheme | None = None
    number: NumberSettings | None = None


class CodeForm(Settings, frozen=True, kw_only=True):
    """A bare code, as a template: `HMS:{card_number}`."""

    text: str = "{card_number}"
    scheme: Scheme | None = None
    number: NumberSettings | None = None


class QrProfile(Settings, frozen=True, kw_only=True):
    """The whole file. Scheme and number rules of a form stand before those of the file."""

    scheme: Scheme
    number: NumberSettings = NumberSettings()
    links: tuple[LinkForm, ...] = ()
    codes: tuple[CodeForm, ...] = ()


@dataclass(frozen=True, slots=True)
class _Form:
    scheme: str
    number: NumberSettings
    pattern: re.Pattern[str]
    hosts: frozenset[str] = frozenset()
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class QrLayout:
    """A compiled profile. `name` is what errors call its file."""

    name: str
    links: tuple[_Form, ...]
    codes: tuple[_Form, ...]


def compile_qr(text: str, name: str) -> QrLayout:
    """Check a profile. Raises CodingError: `FILE, [line N,] key: what is wrong`."""
    try:
        profile = parse(text, QrProfile, name)
    except SettingsError as wrong:
        raise CodingError(str(wrong)) from wrong
    for problem in _problems(profile):
        raise CodingError(f"{name}, {problem}")
    return QrLayout(
        name,
        tuple(
            _Form(
                link.scheme or profile.scheme,
                link.number or profile.number,
                _template(link.path, "[^/]+", wildcard=True),
                frozenset(host.lower() for host in link.hosts),
                tuple(link.query.items()),
            )
            for link in profile.links
        ),
        tuple(
            _Form(code.scheme or profile.scheme, code.number or profile.number, _template(code.text, "[0-9A-Za-z-]+"))
            for code in profile.codes
        ),
    )


_SLOT = re.compile(r"\{(\w*)\}")


def _template(text: str, value: str, *, wildcard: bool = False) -> re.Pattern[str]:
    parts = []
    for turn, part in enumerate(_SLOT.split(text)):
        literal = re.escape(part).replace(r"\*", "[^/]*") if wildcard else re.escape(part)
        parts.append(f"(?P<{part}>{value})" if turn % 2 else literal)
    return re.compile("".join(parts))


def _problems(profile: QrProfile) -> Iterator[str]:
    """What the types cannot say; each begins with the key."""
    if not profile.links and not profile.codes:
        yield "(top of the file): neither [[links]] nor [[codes]]: no code would be taken"
    for turn, link in enumerate(profile.links):
        key = f"links.{turn}"
        yield from _slot_problems(f"{key}.path", [*_SLOT.findall(link.path), *link.query.values()])
        if not link.path.startswith("/"):
            yield f"{key}.path: begins with a slash"
        for host in link.hosts:
            if not _HOST.fullmatch(host):
                yield f"{key}.hosts: {host!r} is no host name; leave out https:// and the path"
    for turn, code in enumerate(profile.codes):
        yield from _slot_problems(f"codes.{turn}.text", _SLOT.findall(code.text))
    numbers = [profile.number, *(link.number for link in profile.links), *(code.number for code in profile.codes)]
    for number in numbers:
        if number is not None and number.min_length > number.max_length:
            yield "number.min_length: is above max_length"


_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?")


def _slot_problems(key: str, names: list[str]) -> Iterator[str]:
    for name in names:
        if name not in FIELDS:
            yield f"{key}: {name!r} is none of {', '.join(FIELDS)}"
    if names.count("card_number") != 1 or len(set(names)) != len(names):
        yield f"{key}: holds {{card_number}} just once, and any other field at most once"


# --- reading ----------------------------------------------------------------------------------------------

_SYMBOLOGY = re.compile(r"\][A-Za-z][0-9A-Za-z]")
"""AIM's identifier of the kind of code (ISO/IEC 15424), which scanners can put before the text: ]Q1 is QR."""

_LINK = re.compile(r"[A-Za-z][0-9A-Za-z+.-]*://")

# Eleven digits as Norwegian identity numbers are written, not as a part of a longer token (P12).
_NATIONAL_IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{6}(?:[ .\-+]|%20)?\d{5}(?![0-9A-Za-z])")


def decode(layout: QrLayout, data: bytes) -> CardContents | Unreadable:
    """What a code says, from the text that the scanner sent. Never raises, whatever that was."""
    if len(data) > MAX_CODE_CHARACTERS:
        return Unreadable(f"the code holds {len(data)} characters, more than a card's code")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        return Unreadable("the code holds other characters than a card's code")
    if mark := _SYMBOLOGY.match(text):
        if mark[0][1] != "Q":
            return Unreadable("the code is a bar code of another kind; show the QR code")
        text = text[mark.end() :]
    if not text.isprintable():
        return Unreadable("the code holds control characters, as no card's code does")
    if _NATIONAL_IDENTITY.search(unquote(text)) or _NATIONAL_IDENTITY.search(text):
        return Unreadable("the code holds what may be a national identity number, which is never taken in")
    return _from_link(layout, text) if _LINK.match(text) else _from_code(layout, text)


def _from_link(layout: QrLayout, text: str) -> CardContents | Unreadable:
    try:
        link = urlsplit(text)
        query = parse_qsl(link.query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARTS)
    except ValueError:
        return Unreadable("the code is a link that is wrongly written")
    host = _host(link)
    forms = [form for form in layout.links if host in form.hosts]
    if not forms:
        return Unreadable("the code is a link to elsewhere, not a card's")
    path = link.path.removesuffix("/") or "/"
    for form in forms:
        match = form.pattern.fullmatch(path)
        given = [name for name, _ in query]
        if match is None or not all(name in given for name, _ in form.query):
            continue
        if any(given.count(name) > 1 for name, _ in form.query):
            return Unreadable("the code is a link that says one thing twice")
        values = {name: unquote(value) for name, value in match.groupdict().items()}
        values |= {field: value for name, value in query for key, field in form.query if key == name}
        if not all(value.isprintable() for value in values.values()):
            return Unreadable("the code holds control characters, as no card's code does")
        return _contents(form, values)
    return Unreadable("the code is a link of another form than a card's")


def _host(link: SplitResult) -> str:
    """The host when the link is a plain one; "" when it hides something: a user name, a port, another protocol."""
    plain = link.scheme in ("http", "https") and re.fullmatch(r"[0-9A-Za-z.-]+", link.netloc)
    return link.netloc.lower() if plain else ""


def _from_code(layout: QrLayout, text: str) -> CardContents | Unreadable:
    for form in layout.codes:
        if match := form.pattern.fullmatch(text):
            return _contents(form, match.groupdict())
    return Unreadable("the code is not a card's")


def _contents(form: _Form, values: Mapping[str, str]) -> CardContents | Unreadable:
    found: dict[str, str] = {}
    for name, value in values.items():
        text, wrong = accept_text(name, value, form.number)
        if wrong:
            return Unreadable(wrong, field=name)
        found[name] = text
    return CardContents(CardId(form.scheme, found["card_number"]), organisation_number=found.get("organisation_number"))
