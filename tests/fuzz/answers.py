"""What every decoder of a whole message owes, whatever came."""

import re

from gate.model import CardContents, Unreadable

_RUN = re.compile(r"\d{5}")


def check_answer(result: object) -> str:
    """Contents that keep the rules of their numbers, or a reason that repeats nothing of what came (P12)."""
    match result:
        case CardContents(card=card, organisation_number=organisation):
            assert re.fullmatch(r"[0-9A-Za-z-]{1,40}", card.number), card
            assert not re.fullmatch(r"\d{11}", card.number), card
            assert organisation is None or re.fullmatch(r"[0-9A-Za-z-]{1,40}", organisation), organisation
            return "read"
        case Unreadable(what=what):
            assert what
            assert what.isprintable()
            assert not _RUN.search(what), what
            return "unreadable with a reason"
        case _:
            raise AssertionError(f"neither contents nor a reason: {result!r}")
