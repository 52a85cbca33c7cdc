"""What registers say, for people and machines: read models. Times are Unix milliseconds in UTC."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from hub.card_answers import CardAnswer
from hub.central.registers.register_state import HOUR_MS, vigil_of
from hub.chain import level_of
from hub.company_answers import main_unit, register_status
from hub.config import HubConfig, time_zone
from hub.presence import CardKey
from hub.retention import months_later
from hub.store import HubStore, schema
from hub.store.answers import read_companies
from hub.store.people import chain
from hub.store.registers import CardsSoFar, RegisterTransaction

CARDS = "card_register"
"""Under these names the store remembers how the registers are; see `hub.central.registers.register_state`."""
COMPANIES = "company_register"


@dataclass(frozen=True, slots=True)
class RegisterWord:
    """What the register of cards says of one card. `counts` is what the gates go by, of `counts_day`."""

    card: str
    status: str | None
    words: str
    level: str | None
    employer: str | None
    expiry: str | None
    answered_ms: int | None
    age_ms: int | None
    asked_age_ms: int
    failure: str | None
    counts: str | None
    counts_day: str | None
    held: bool


@dataclass(frozen=True, slots=True)
class CardRegisterState:
    """How the register of cards is. `objection` is what an alarm stands for; `objections` are the cards of the list
    that it does not call valid, or of which it could not be asked."""

    on: bool
    now_ms: int
    cards: CardsSoFar
    objection: str | None
    failing_since_ms: int | None
    words: str
    sweep_at: str
    sweep_began_ms: int
    sweep_ended_ms: int
    sweep_left: int
    objections: tuple[RegisterWord, ...]


@dataclass(frozen=True, slots=True)
class CompanyLine:
    """One company. `status` is the register's word where it has one, otherwise the list's; `level` is None in a loop of
    the chain; `cards` are those on the list now. Dates are ISO 8601."""

    organisation_number: str
    name: str | None
    form: str | None
    status: str | None
    words: str
    listed_status: str | None
    """What the crew list says."""
    main_unit: str | None
    vat: bool | None
    business_register: bool | None
    answered_ms: int | None
    age_ms: int | None
    failure: str | None
    level: int | None
    level_limit: int
    startbank: bool | None
    startbank_as_of: str | None
    tax_attestation: str | None
    attestation_old: bool
    cards: int


def word_of(answer: CardAnswer, now_ms: int) -> RegisterWord:
    """The same with its age."""
    said = answer.answer
    return RegisterWord(
        card=f"{answer.card.scheme}:{answer.card.number}",
        status=said.status.value if said else None,
        words=said.words if said else "",
        level=said.level if said else None,
        employer=said.employer if said else None,
        expiry=said.expiry if said else None,
        answered_ms=answer.answered_ms,
        age_ms=None if answer.answered_ms is None else now_ms - answer.answered_ms,
        asked_age_ms=now_ms - answer.asked_ms,
        failure=answer.failure,
        counts=answer.counts,
        counts_day=answer.counts_day,
        held=answer.held,
    )


def card_word(connection: Connection, card: CardKey, now_ms: int) -> RegisterWord | None:
    """What the register says of a card; None when it was never asked."""
    answer = RegisterTransaction(connection).card(card)
    return word_of(answer, now_ms) if answer else None


def card_register(store: HubStore, config: HubConfig, now_ms: int) -> CardRegisterState:
    """How the register of cards is. Raises StoreError."""
    settings = config.card_register
    vigil = vigil_of(store, CARDS)
    with store.heard() as heard:
        so_far = heard.so_far(settings.scheme)
        objections = tuple(word_of(one, now_ms) for one in heard.objections(settings.scheme))
        left = heard.count_asked_before(settings.scheme, vigil.sweep_began_ms, now_ms) if vigil.sweeping else 0
    return CardRegisterState(
        on=settings.on,
        now_ms=now_ms,
        cards=so_far,
        objection=vigil.objection(now_ms, int(settings.old_after_h * HOUR_MS)),
        failing_since_ms=vigil.failing_since_ms,
        words=vigil.words,
        sweep_at=settings.sweep_at,
        sweep_began_ms=vigil.sweep_began_ms,
        sweep_ended_ms=vigil.sweep_ended_ms,
        sweep_left=left,
        objections=objections,
    )


def company_objection(store: HubStore, config: HubConfig, now_ms: int) -> str | None:
    """What is wrong with the register of companies, if it is asked at all. Raises StoreError."""
    if not config.companies.on:
        return None
    return vigil_of(store, COMPANIES).objection(now_ms, int(config.companies.old_after_h * HOUR_MS))


def companies(store: HubStore, config: HubConfig, today: date, now_ms: int) -> list[CompanyLine]:
    """Every company that the lists name, by its number. Raises StoreError."""
    table = schema.companies
    limit, months = config.requirements.chain_level_max, config.companies.attestation_months
    with store.reading() as connection:
        answers = read_companies(connection)
        numbers = RegisterTransaction(connection).company_numbers()
        engaged_by = chain(connection, answers)
        cards = _cards(connection)
        rows = {row.organisation_number: row for row in connection.execute(select(table))}
    found = []
    for number in sorted(numbers):
        row, answer = rows.get(number), answers.get(number)
        listed = row.register_status if row else None
        attested = row.tax_attestation if row else None
        found.append(
            CompanyLine(
                organisation_number=number,
                name=(answer.name if answer else None) or (row.name if row else None),
                form=answer.form if answer else None,
                status=(answer.status if answer and answer.status == "unknown" else register_status(listed, answer)),
                words=answer.words if answer else "",
                listed_status=listed,
                main_unit=main_unit(row.main_unit if row else None, answer),
                vat=answer.vat if answer else None,
                business_register=answer.business_register if answer else None,
                answered_ms=answer.answered_ms if answer else None,
                age_ms=now_ms - answer.answered_ms if answer and answer.answered_ms is not None else None,
                failure=answer.failure if answer else None,
                level=level_of(number, engaged_by),
                level_limit=limit,
                startbank=row.startbank if row else None,
                startbank_as_of=row.startbank_as_of if row else None,
                tax_attestation=attested,
                attestation_old=attested is not None and months_later(date.fromisoformat(attested), months) < today,
                cards=cards.get(number, 0),
            )
        )
    return found


def _cards(connection: Connection) -> dict[str, int]:
    cards, assignments = schema.cards, schema.assignments
    rows = connection.execute(
        select(cards.c.employer, func.count()).select_from(cards.join(assignments)).where(assignments.c.listed)
        .group_by(cards.c.employer)
    )  # fmt: skip
    return {str(employer): int(number) for employer, number in rows}


def today_at(config: HubConfig, now_ms: int) -> date:
    """The day of the site."""
    return datetime.fromtimestamp(now_ms / 1000, time_zone(config.presence)).date()
