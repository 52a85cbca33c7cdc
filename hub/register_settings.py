"""The settings of the registers that the hub asks: of cards, and of companies."""

from typing import Annotated, Literal

import msgspec

from hub.card_answers import CardStatus
from portvakt.settings import Settings

Hour = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class CardRegisterSettings(Settings, frozen=True, kw_only=True):
    """Where and how a register of cards is asked. Off while `base_url` is empty.

    Nothing about the interface of hmskort.no is public: addresses, scopes, fields and words are those of the agreement
    with its issuer.
    """

    base_url: str = ""
    token_url: str = ""
    client_id: str = ""
    secret_file: str | None = None
    """Holds the client's secret; mode 0600."""
    scope: str | None = None
    client_auth: Literal["basic", "post"] = "basic"
    token_parameters: dict[str, str] = msgspec.field(default_factory=dict)
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")] = "hms"
    """Whose cards it knows."""

    card_path: str = "cards/{number}/status"
    """Beneath `base_url`; `{number}` stands for the card's number."""
    code_path: str | None = None
    """The same for the code of a QR or a chip, `{code}`; such an answer may say more."""
    chip_serial_is_code: bool = False
    """Whether the serial number of the chip, as gates have read it, is that code."""
    post_field: str | None = None
    """Set: the number goes as this field of a JSON body with POST, and not in the address."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    status_field: str = "status"
    """Where the status stands in the answer; a dot leads into an object, a number into a list."""
    number_field: str | None = None
    """Where the card's number stands; an answer about another card is none."""
    employer_field: str | None = None
    expiry_field: str | None = None
    error_field: str | None = "error"
    """Where an answer with status 200 tells of a failure."""
    words: dict[str, CardStatus] = msgspec.field(default_factory=dict)
    """The register's word for a status, in any case: ours. Ours themselves are known."""
    not_valid: tuple[CardStatus, ...] = (CardStatus.EXPIRED, CardStatus.BLOCKED, CardStatus.INVALIDATED)
    """Which answers make a card not valid at the gates. valid and temporary make it valid; others change nothing."""

    per_second: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 2.0
    sweep_at: Hour = "02:00"
    """When all cards of the list are asked for, by the site's clocks."""
    unknown_days: Annotated[float, msgspec.Meta(ge=0, le=90)] = 2.0
    """Cards on no list that have asked to come in within so many days are asked for, too."""
    ask_again_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 90)] = 12.0
    """An unknown card that comes again is asked for again, after so long."""
    may_invalidate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """Answers that would turn more than this share of the valid cards not valid at once are held back."""
    old_after_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] = 36.0
    """When the register has been silent for so long, that is an alarm."""

    @property
    def on(self) -> bool:
        return bool(self.base_url)


class CompanySettings(Settings, frozen=True, kw_only=True):
    """Where companies are looked up: Enhetsregisteret's open API, or nothing."""

    on: bool = False
    base_url: str = "https://data.brreg.no/enhetsregisteret/api"
    ca_file: str | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    per_second: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0
    refresh_at: Hour = "03:30"
    """When all companies are asked for, by the site's clocks."""
    old_after_h: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] = 72.0
    attestation_months: Annotated[int, msgspec.Meta(ge=1, le=60)] = 6
    """A tax attestation that is older is told of."""


def card_register_problems(settings: CardRegisterSettings) -> list[str]:
    """What the types cannot say; each entry begins with the key."""
    found = []
    if settings.on and settings.token_url and not (settings.client_id and settings.secret_file):
        found.append("card_register.token_url: a token needs client_id and secret_file as well")
    if settings.on and not settings.token_url and settings.client_id:
        found.append("card_register.client_id: is of no use without token_url")
    if settings.post_field is None and "{number}" not in settings.card_path:
        found.append("card_register.card_path: has no place for {number}, and there is no post_field")
    if settings.code_path is not None and settings.post_field is None and "{code}" not in settings.code_path:
        found.append("card_register.code_path: has no place for {code}")
    if settings.chip_serial_is_code and settings.code_path is None:
        found.append("card_register.chip_serial_is_code: needs code_path")
    if wrong := [word for word in settings.not_valid if word in (CardStatus.VALID, CardStatus.TEMPORARY)]:
        found.append(f"card_register.not_valid: {wrong[0]} means valid")
    return found
