"""What is known about people: how long it is kept, what is held of one."""

import argparse
import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli_parts import add_verb, card, config_of, now_ms, opened, print_json, who_is_here
from hub.errors import OfficeError, PaperError

if TYPE_CHECKING:
    from datetime import tzinfo

    from hub.person import Kept, PersonFile
    from hub.purging import Purge
    from hub.store import HubStore


def add_verbs(verbs: Any) -> None:
    """Add them to the program."""
    verb = add_verb(
        verbs, "purge", _purge, "delete what has been kept long enough; a running hub does it daily", json=True
    )
    verb.add_argument("--dry-run", action="store_true", help="only show what would go")
    add_verb(verbs, "purges", _purges, "what was deleted, by which rule, and whether the records are sound", json=True)

    verb = add_verb(verbs, "person", _person, "give a worker what is held about them, or forget it", json=True)
    verb.add_argument("card", metavar="CARD", type=card, help="its number, or SCHEME:NUMBER")
    act = verb.add_mutually_exclusive_group(required=True)
    act.add_argument(
        "--export", metavar="FILE", type=Path, help="all that is held: FILE.json, or FILE.pdf to hand over"
    )
    act.add_argument("--erase", action="store_true", help="forget what the law lets the site forget")
    verb.add_argument("--by", metavar="NAME", help="who does it; kept (default: who is logged in)")


def _purge(options: argparse.Namespace) -> int:
    from hub import tables

    with opened(options) as store:
        purge = purge_of(options, store)
        gone = purge.would_go(now_ms()) if options.dry_run else purge.all(now_ms())
    if options.json:
        print_json({"dry_run": options.dry_run, "gone": {what: one._asdict() for what, one in gone.items()}})
        return 0
    print(tables.gone_text(gone))
    if options.dry_run:
        print("dry run, nothing was deleted")
    return 0


def _purges(options: argparse.Namespace) -> int:
    from hub import tables
    from hub.config import signing_key_file
    from hub.keys import signing_key
    from hub.purging import shown_records

    config = config_of(options)
    public = signing_key(signing_key_file(config)).public_key()
    with opened(options) as store:
        records = shown_records(store, config.site, public)
    print_json(records) if options.json else print(tables.purges_text(records))
    return int(not all(one.sound for one in records))


def purge_of(options: argparse.Namespace, store: "HubStore") -> "Purge":
    """What deletes at this site."""
    from hub.config import limits, signing_key_file
    from hub.keys import signing_key
    from hub.purging import Purge

    config = config_of(options)
    return Purge(config.site, store, signing_key(signing_key_file(config)), limits(config))


def _person(options: argparse.Namespace) -> int:
    if options.erase:
        if not (options.by or "").strip():
            raise OfficeError("--by NAME: whoever asks later wants to know who did it")
        return _erase(options, options.by)
    return _export(options, options.by or who_is_here())


def _export(options: argparse.Namespace, by: str) -> int:
    from hub.config import time_zone
    from hub.person import held

    config = config_of(options)
    if options.export.suffix not in (".json", ".pdf"):
        raise PaperError(f"{options.export}: write FILE.json or FILE.pdf")
    with opened(options) as store:
        file = held(store, config.site, options.card, _kept(options, store), (by, now_ms()))
    if options.export.suffix == ".pdf":
        page = _pdf(file, time_zone(config.presence))
    else:
        import msgspec

        page = msgspec.json.format(msgspec.json.encode(file), indent=2)
    _write(options.export, page)
    if options.json:
        print_json({"file": str(options.export), "records": len(file.records), "cards": len(file.cards)})
    else:
        print(f"{options.export}: {len(file.cards)} cards, {len(file.records)} records; hand it to nobody else")
    return 0


def _pdf(file: "PersonFile", zone: "tzinfo") -> bytes:
    with _needing_paper():
        from hub.person_pdf import person_pdf

        return person_pdf(file, zone)


@contextlib.contextmanager
def _needing_paper() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as missing:
        raise PaperError(
            f"{missing.name} is not installed; install portvakt with the extra `hub`, or write another kind of file"
        ) from missing


def _erase(options: argparse.Namespace, by: str) -> int:
    from hub.person import erase

    with opened(options) as store:
        erased = erase(store, purge_of(options, store), options.card, _kept(options, store), (by, now_ms()))
    if options.json:
        print_json({"gone": dict(erased.gone.counts), "stays": erased.stays})
        return 0
    went = ", ".join(f"{number} {name}" for name, number in erased.gone.counts.items())
    print(f"erased: {went or 'nothing, there was nothing that may go'}")
    for one in erased.stays:
        print(f"stays:  {one.what}\n        {one.why}")
    return 0


def _kept(options: argparse.Namespace, store: "HubStore") -> "Kept":
    from hub.config import closing_rule, limits
    from hub.person import Kept
    from hub.retention import list_kept_until

    config = config_of(options)
    said = limits(config)
    with store.looking() as looking:
        until = list_kept_until(said, looking.last_passage_ms(now_ms()))
    return Kept(
        said.passages_days,
        said.musters_days,
        until.isoformat() if until else None,
        closing_rule(config.presence),
    )


def _write(file: Path, page: bytes) -> None:
    """A new file that its owner alone can read."""

    try:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "wb") as out:
            out.write(page)
    except OSError as refused:
        raise PaperError(f"{file}: cannot be written ({refused.strerror})") from refused
