"""The list of § 15 as a page for whoever may ask for it, in Norwegian."""

from datetime import UTC, datetime, tzinfo

from hub.list15 import List15, Listed
from hub.paper import Paper

MISSING = "mangler"
_BECAUSE = {
    "applied": "HMS-kort er søkt om",
    "pupil": "elev i praksis",
    "placement": "utplassert (NAV, introduksjonsprogram)",
}
_WANTING = {
    "no date of birth": "fødselsdato mangler",
    "no HMS card, and no reason given": "HMS-kort mangler",
    "seen here, on no crew list": "sett i porten, står ikke på mannskapslisten",
}


def list15_pdf(found: List15, zone: tzinfo) -> bytes:
    """The page. Raises PaperError when the machine has no font for it."""
    made = datetime.fromtimestamp(found.made_ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    day = f" · {found.day}" if found.day else ""
    paper = Paper(
        "Oversiktsliste", f"Byggherreforskriften § 15{day} · laget {made}", f"Portvakt · {found.place.site}",
        "Side {page} av {pages}", "landscape",
    )  # fmt: skip
    paper.set_lang("nb")
    paper.add_page()
    place = found.place
    paper.pairs(
        (
            ("Byggeplass", place.name or MISSING),
            ("Adresse", place.address or MISSING),
            ("Byggherre", place.client or MISSING),
        )
    )
    paper.part(f"Virksomheter ({len(found.companies)})")
    paper.paragraph("\n".join(f"{number}  {name or ''}" for number, name in found.companies) or "Ingen.")
    paper.part(f"Personer ({len(found.people)})")
    heads = ("Navn", "Født", "HMS-kort", "Virksomhet", "Org.nr.", "Merknad")
    paper.rows(heads, map(_row, found.people), (52, 24, 26, 62, 24, 73))
    return bytes(paper.output())


def _row(one: Listed) -> tuple[str, ...]:
    name = f"{one.last_name}, {one.first_name}" if one.last_name else "(ukjent)"
    notes = [_WANTING.get(what, what) for what in one.missing]
    if one.because:
        notes.append(_BECAUSE.get(one.because, one.because))
    if one.company != one.employer:
        notes.append(f"innleid fra {one.employer_name or one.employer}")
    if not one.on_list and one.last_name:
        notes.append("ikke lenger på mannskapslisten")
    return (name, one.date_of_birth or "", one.card or "", one.company_name or "", one.company or "", "; ".join(notes))
