"""What a person at the site says of who is where, and of who was seen at an evacuation. One act, one transaction.

Every word is kept with the name of who gave it, and none is taken back: a wrong one is followed by the right one.
"""

from hub.errors import OfficeError
from hub.muster import Muster, MusterCheck
from hub.muster_readers import RESERVED
from hub.presence import CardKey, ClosingRule, HandMark, Standing, standing
from hub.roll_call import RollCall, called_by
from hub.spoken import spoken
from hub.store import HubStore, OfficeTransaction


def check_in(store: HubStore, mark: HandMark, closing: ClosingRule | None) -> Standing:
    """Somebody is inside whom no gate saw go in. Returns where the hub has them now. Raises OfficeError, StoreError."""
    with store.office() as office:
        _acceptable(office, mark)
        where = _where(office, mark, closing)
        if where is not None and where.inside:
            raise OfficeError(f"{_shown(mark.card)} is inside already, as far as is known; see: hub roster")
        return _kept(office, mark, closing)


def check_out(store: HubStore, mark: HandMark, closing: ClosingRule | None) -> Standing:
    """Somebody has left whom no gate saw leave. Returns where the hub has them now. Raises OfficeError, StoreError."""
    with store.office() as office:
        _acceptable(office, mark)
        where = _where(office, mark, closing)
        if where is None or not where.inside:
            raise OfficeError(f"{_shown(mark.card)} is not inside, as far as is known; see: hub roster")
        return _kept(office, mark, closing)


def was_let_in(store: HubStore, mark: HandMark, closing: ClosingRule | None) -> Standing:
    """Somebody was let in by hand, with a card that a gate has refused: it may be one that nobody here knows. Returns
    where the hub has them now. Raises OfficeError, StoreError."""
    with store.office() as office:
        _name(mark.said_by)
        spoken(mark.reason, "--reason")
        where = _where(office, mark, closing)
        return where if where is not None and where.inside else _kept(office, mark, closing)


def seen_outside(store: HubStore, card: CardKey, by: str, now_ms: int) -> None:
    """Somebody was met outside. The roster follows: who stands at the assembly point is not inside."""
    _word_about(store, MusterCheck(card, seen=True, at_ms=now_ms, said_by=by))


def not_seen(store: HubStore, card: CardKey, by: str, now_ms: int) -> None:
    """Somebody was ticked off who was not met after all."""
    _word_about(store, MusterCheck(card, seen=False, at_ms=now_ms, said_by=by))


def close_muster(store: HubStore, by: str, now_ms: int, closing: ClosingRule | None) -> RollCall:
    """End the muster that runs. Raises OfficeError while somebody is unaccounted for."""
    with store.office() as office:
        call = called_by(office, _running(office), closing)
        if call.unaccounted:
            raise OfficeError(
                f"{call.unaccounted} of {len(call.people)} are unaccounted for; see: hub muster. "
                "--force closes it all the same, and keeps who they were"
            )
        office.close(call.id, now_ms, _name(by))
    return call


def close_muster_unaccounted(store: HubStore, by: str, now_ms: int, closing: ClosingRule | None) -> RollCall:
    """End the muster although somebody is unaccounted for. Raises OfficeError when none runs."""
    with store.office() as office:
        call = called_by(office, _running(office), closing)
        office.close(call.id, now_ms, _name(by))
    return call


def _word_about(store: HubStore, check: MusterCheck) -> None:
    with store.office() as office:
        muster = _running(office)
        _known(office, check.card)
        office.tick_off(muster.id, check._replace(said_by=_name(check.said_by)))


def _running(office: OfficeTransaction) -> Muster:
    for muster in office.musters():
        if muster.closed_ms is None:
            return muster
    raise OfficeError("no muster runs; one begins when a gate evacuates its lanes")


def _kept(office: OfficeTransaction, mark: HandMark, closing: ClosingRule | None) -> Standing:
    counted = office.mark(mark)
    latest = office.last_seen([mark.card]).get(mark.card, counted)
    return standing(latest, mark.made_ms, closing)


def _where(office: OfficeTransaction, mark: HandMark, closing: ClosingRule | None) -> Standing | None:
    """Where somebody is; by what was known at the time that is meant."""
    seen = office.last_seen([mark.card]).get(mark.card)
    return standing(seen, mark.at_ms, closing) if seen is not None else None


def _acceptable(office: OfficeTransaction, mark: HandMark) -> None:
    _name(mark.said_by)
    spoken(mark.reason, "--reason")
    if mark.at_ms > mark.made_ms:
        raise OfficeError("--at: lies in the future; a word is about what has happened")
    _known(office, mark.card)


def _known(office: OfficeTransaction, card: CardKey) -> None:
    if card not in office.holders() and not office.last_seen([card]):
        raise OfficeError(f"{_shown(card)} is on no crew list and was never seen; is the number right?")


def _name(text: str) -> str:
    name = spoken(text, "--by")
    if name.startswith(RESERVED):
        raise OfficeError(f"--by: {RESERVED.strip()!r} is what a reader's own word begins with; say who saw it")
    return name


def _shown(card: CardKey) -> str:
    return f"card {card.scheme}:{card.number}"
