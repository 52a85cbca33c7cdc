"""What is held about a worker as a page to hand over, in the worker's language."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from hub.paper import Paper
from hub.person import HeldCard, HeldMuster, HeldRecord, PersonFile
from hub.person_texts import Text, said

MAX_RECORDS = 20_000
"""Of one page's passages: a worker's ten years."""


def person_pdf(file: PersonFile, zone: tzinfo) -> bytes:
    """The page. Times are by the clocks of `zone`. Raises PaperError when the machine has no font for it."""
    page = _Page(file, zone)
    page.write()
    return bytes(page.paper.output())


class _Page:
    def __init__(self, file: PersonFile, zone: tzinfo) -> None:
        self._file = file
        self._zone = zone
        self.paper = Paper(
            self._say(Text.TITLE),
            self._say(Text.MADE, site=file.site, when=self._moment(file.made_ms)),
            f"Portvakt · {file.site}",
            self._say(Text.PAGE, page="{page}", pages="{pages}"),
        )
        self.paper.set_lang(file.language or "nb")

    def write(self) -> None:
        """Everything, part by part."""
        file, paper = self._file, self.paper
        paper.add_page()
        paper.paragraph(self._say(Text.INTRO))
        paper.part(self._say(Text.YOU))
        name = " ".join(filter(None, (file.first_name, file.last_name)))
        self._pairs(((Text.NAME, name), (Text.BORN, file.date_of_birth), (Text.LANGUAGE, file.language)))
        paper.part(self._say(Text.CARDS))
        for card in file.cards:
            self._pairs(self._card(card))
        paper.part(self._say(Text.NOW))
        places = [
            self._say(Text.INSIDE if one.inside else Text.OUTSIDE, when=self._moment(one.since_ms))
            for one in file.places
        ]
        chips = [f"{self._say(Text.CHIP)}: {one.uid}" for one in file.places if one.uid]
        self._lines([*places, *chips])
        paper.part(self._say(Text.PASSAGES))
        self._passages(file.records[-MAX_RECORDS:])
        paper.part(self._say(Text.MUSTERS))
        self._lines([self._muster(one) for one in file.musters])
        if file.others:
            paper.part(self._say(Text.OTHERS))
            for table, rows in file.others.items():
                self._lines([f"{table.replace('_', ' ')}: {self._row(row)}" for row in rows])
        paper.part(self._say(Text.KEPT))
        self._kept()

    def _card(self, card: HeldCard) -> Iterable[tuple[Text, str | None]]:
        employer = ", ".join(filter(None, (card.employer_name, card.employer)))
        period = (
            f"{card.valid_from or '…'} – {card.valid_until or '…'}" if card.valid_from or card.valid_until else None
        )
        beside = {name: getattr(card, name) for name in ("type", "no_card_because", "trade", "hired_by", "approved_by")}
        return (
            (Text.CARD, f"{card.scheme} {card.number}"),
            (Text.EMPLOYER, employer),
            (Text.EXPIRES, card.expiry),
            (Text.ROLE, card.role),
            (Text.PERIOD, period),
            (Text.ON_LIST, self._yes(card.listed)),
            (Text.INDUCTION, self._yes(card.training)),
            (Text.GROUPS, ", ".join(card.groups)),
            (Text.OTHERS, self._row(beside)),
        )

    def _passages(self, records: Sequence[HeldRecord]) -> None:
        if not records:
            self._lines([])
            return
        heads = [self._say(head) for head in (Text.TIME, Text.GATE, Text.WHAT, Text.NOTE)]
        self.paper.rows(heads, map(self._passage, records), (40, 34, 48, 52))

    def _passage(self, record: HeldRecord) -> tuple[str, ...]:
        when = self._moment(record.time_ms) if record.time_ms is not None else ""
        return (when, "/".join(filter(None, (record.gate, record.lane))), self._what(record), _note(record))

    def _what(self, record: HeldRecord) -> str:
        match record.kind, record.direction:
            case "passage.completed", "entry":
                return self._say(Text.WENT_IN)
            case "passage.completed", _:
                return self._say(Text.WENT_OUT)
            case "badge.granted", _:
                return self._say(Text.ACCEPTED)
            case "badge.refused", _:
                return self._say(Text.REFUSED)
            case "muster.badge", _:
                return self._say(Text.AT_MUSTER)
            case "passage.abandoned", _:
                return self._say(Text.TURNED_BACK)
            case kind, _:
                return kind

    def _muster(self, muster: HeldMuster) -> str:
        words = [
            self._say(Text.SEEN if one.seen else Text.NOT_SEEN, when=self._moment(one.at_ms), who=one.said_by)
            for one in muster.words
        ]
        return "; ".join([self._moment(muster.began_ms), *words])

    def _kept(self) -> None:
        file = self._file
        until = [self._say(Text.KEPT_LIST_UNTIL, day=file.list_until)] if file.list_until else []
        lines = (
            self._say(Text.KEPT_PASSAGES, days=file.passages_days),
            self._say(Text.KEPT_MUSTERS, days=file.musters_days),
            " ".join([self._say(Text.KEPT_LIST), *until]),
        )
        self._lines(lines)

    def _row(self, row: dict[str, Any]) -> str:
        shown = {
            name.removesuffix("_ms"): self._moment(value) if name.endswith("_ms") and value is not None else value
            for name, value in row.items()
        }
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items() if value is not None)

    def _pairs(self, pairs: Iterable[tuple[Text, str | None]]) -> None:
        self.paper.pairs((self._say(label), value) for label, value in pairs)

    def _lines(self, lines: Sequence[str]) -> None:
        self.paper.paragraph("\n".join(lines) or self._say(Text.NOTHING))

    def _say(self, text: Text, **values: object) -> str:
        return said(text, self._file.language, **values)

    def _yes(self, value: bool | None) -> str | None:  # noqa: FBT001 - a fact to be put into words
        return None if value is None else self._say(Text.YES if value else Text.NO)

    def _moment(self, at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _note(record: HeldRecord) -> str:
    """Why, by which medium, and from which chip it was read."""
    data = record.record.get("data", {})
    return ", ".join(filter(None, ((record.reason or "").replace("_", " "), data.get("medium"), data.get("uid"))))
