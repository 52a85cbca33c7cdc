"""What a person types to be kept: who says it, and why. Pure."""

from hub import identity_number
from hub.errors import OfficeError

MAX_LETTERS = 200


def spoken(text: str, option: str) -> str:
    """The text without the blanks around it. Raises OfficeError, which names the option, when it may not be kept."""
    if not text.strip():
        raise OfficeError(f"{option}: is empty; whoever asks later wants to know")
    if len(text) > MAX_LETTERS or not text.isprintable():
        raise OfficeError(f"{option}: one line of at most {MAX_LETTERS} letters")
    if (what := identity_number.objection(text)) is not None:
        raise OfficeError(f"{option}: {what}")
    return text.strip()
