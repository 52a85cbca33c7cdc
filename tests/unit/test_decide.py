"""May this card pass: every answer, their order, and the promises on them (P5, P6, P10)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.decide import Circumstances, Credentials, Rules, decide, decide_by_hand
from gate.model import (
    CardContents,
    CardHistory,
    CardId,
    CardReading,
    Decision,
    Direction,
    LastChip,
    LastPassage,
    ListState,
    Medium,
    Moment,
    Permit,
    Reason,
    Unreadable,
)
from gate.rules import EVERYBODY, Action, Cover, ListPolicy, Occupancy, OpeningHours, Passback, Rest
from gate.zones import OUTSIDE, SITE

OSLO = ZoneInfo("Europe/Oslo")
NOON = datetime(2026, 6, 15, 12, 0, tzinfo=OSLO)
TODAY = NOON.date()
NEXT_YEAR = TODAY + timedelta(days=365)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
TUNNEL = "site/tunnel"
CARD = CardId("hms", "01234567")
INSIDE_HERE = CardHistory(LastPassage(SITE, 0))


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


NOON_MS = ms(NOON)
TRUSTED = Moment("boot-1", 60_000, NOON_MS, trusted=True)
UNTRUSTED = replace(TRUSTED, wall_ms=0, trusted=False)
FRESH = ListState(7, 1, "d", confirmed_ms=NOON_MS - 60_000, expires_ms=NOON_MS + 30 * 24 * HOUR_MS)
RULES = Rules(zone=OSLO)
CONTENTS = CardContents(CARD, expiry_date=NEXT_YEAR, organisation_number="987654321")
READING = CardReading("outside", Medium.CHIP, CONTENTS)
PERMIT = Permit(CARD, valid_from=YESTERDAY, valid_until=TOMORROW, card_expiry=NEXT_YEAR, employer="987654321")
ENTERING = Circumstances(Direction.ENTRY, TRUSTED, FRESH)


@dataclass(frozen=True)
class Case:
    """One badge that everything is right with, but for what the case says."""

    reason: Reason
    reading: CardReading = READING
    permit: Permit | None = PERMIT
    at: Circumstances = ENTERING
    rules: Rules = RULES

    def decision(self, direction: Direction = Direction.ENTRY) -> Decision:
        return decide(self.reading, self.permit, replace(self.at, direction=direction), self.rules)


def shown(medium: Medium = Medium.CHIP, **changes: object) -> CardReading:
    return CardReading("outside", medium, replace(CONTENTS, **changes))  # type: ignore[arg-type]


def held(**changes: object) -> Permit:
    return replace(PERMIT, **changes)  # type: ignore[arg-type]


UNREADABLE = CardReading("outside", Medium.CHIP, Unreadable("sector 3 gave no answer", block=12))
STALE = replace(FRESH, confirmed_ms=NOON_MS - 72 * HOUR_MS - 1)

CASES = {
    "all is well": Case(Reason.GRANTED),
    "no number could be read": Case(Reason.UNREADABLE, UNREADABLE, None),
    "the lane is closed": Case(Reason.LANE_CLOSED, at=replace(ENTERING, lane_closed=True)),
    "the card is blocked": Case(Reason.BLOCKED, permit=held(standing=Reason.BLOCKED)),
    "the list does not know the card": Case(Reason.UNKNOWN_CARD, permit=None),
    "the card is cancelled": Case(Reason.CANCELLED, permit=held(standing=Reason.CANCELLED)),
    "the card names another employer": Case(Reason.EMPLOYER_MISMATCH, permit=held(employer="123456785")),
    "the medium is too weak": Case(Reason.WEAK_CREDENTIAL, shown(Medium.UID)),
    "the card says it has expired": Case(Reason.EXPIRED, shown(expiry_date=YESTERDAY)),
    "the list says the card has expired": Case(Reason.EXPIRED, permit=held(card_expiry=YESTERDAY)),
    "not on the crew list": Case(Reason.NOT_ON_CREW_LIST, permit=held(standing=Reason.NOT_ON_CREW_LIST)),
    "the period is over": Case(Reason.OUTSIDE_PERIOD, permit=held(valid_until=YESTERDAY)),
    "the period has not begun": Case(Reason.OUTSIDE_PERIOD, permit=held(valid_from=TOMORROW)),
    "the company is not approved": Case(Reason.COMPANY_NOT_APPROVED, permit=held(standing=Reason.COMPANY_NOT_APPROVED)),
    "training is missing": Case(Reason.TRAINING_MISSING, permit=held(standing=Reason.TRAINING_MISSING)),
    "already inside": Case(
        Reason.ALREADY_INSIDE,
        at=replace(ENTERING, history=INSIDE_HERE),
        rules=replace(RULES, passback=Passback(Action.REFUSE)),
    ),
    "the zone is full": Case(
        Reason.ZONE_FULL,
        at=replace(ENTERING, crowd={(SITE, EVERYBODY): 3}),
        rules=replace(RULES, occupancy=(Occupancy(3),)),
    ),
    "nobody in charge is inside": Case(
        Reason.COVER_MISSING,
        at=replace(ENTERING, crowd={(SITE, EVERYBODY): 1}),
        rules=replace(RULES, cover=(Cover("warden", action=Action.REFUSE),)),
    ),
    "too soon after the last shift": Case(
        Reason.SHORT_REST,
        at=replace(ENTERING, history=CardHistory(LastPassage(OUTSIDE, TRUSTED.wall_ms - 8 * HOUR_MS))),
        rules=replace(RULES, rest=Rest(Action.REFUSE)),
    ),
    "outside the opening hours": Case(
        Reason.OUTSIDE_HOURS, rules=replace(RULES, hours=(OpeningHours(frozenset(), time(6), time(18)),))
    ),
    "the list was not confirmed for long": Case(Reason.LIST_STALE, at=replace(ENTERING, list_state=STALE)),
    "the list has expired": Case(
        Reason.LIST_STALE, at=replace(ENTERING, list_state=replace(FRESH, expires_ms=NOON_MS - 1))
    ),
    "there has never been a list": Case(Reason.LIST_STALE, permit=None, at=replace(ENTERING, list_state=None)),
    "the clock is untrusted": Case(
        Reason.CLOCK_UNTRUSTED,
        at=replace(ENTERING, now=UNTRUSTED),
        rules=replace(RULES, untrusted_clock=Action.REFUSE),
    ),
}


def test_every_reason_has_a_case() -> None:
    """A new Reason without a case here fails. EXPIRES_SOON refuses nobody."""
    assert {case.reason for case in CASES.values()} == set(Reason) - {Reason.EXPIRES_SOON}


@pytest.mark.parametrize("name", CASES)
def test_an_entry_is_admitted_only_when_nothing_is_wrong(name: str) -> None:
    case = CASES[name]
    assert case.decision() == Decision(case.reason is Reason.GRANTED, case.reason)


AT_THE_MOMENT_OF_ENTRY = {
    Reason.LANE_CLOSED,
    Reason.WEAK_CREDENTIAL,
    Reason.ALREADY_INSIDE,
    Reason.ZONE_FULL,
    Reason.COVER_MISSING,
    Reason.SHORT_REST,
    Reason.OUTSIDE_HOURS,
    Reason.CLOCK_UNTRUSTED,
}


@pytest.mark.parametrize("name", CASES)
def test_p6_whatever_is_wrong_an_exit_is_admitted_and_it_is_noted(name: str) -> None:
    case = CASES[name]
    decision = case.decision(Direction.EXIT)
    assert decision.admitted
    if case.reason in AT_THE_MOMENT_OF_ENTRY or (case.reason is Reason.LIST_STALE and case.permit is not None):
        assert decision.reason is Reason.GRANTED
    else:
        assert decision.reason is case.reason


# --- the order of objections --------------------------------------------------------------------------

SERIOUS_FIRST = [
    Reason.LANE_CLOSED,
    Reason.BLOCKED,
    Reason.EMPLOYER_MISMATCH,
    Reason.WEAK_CREDENTIAL,
    Reason.EXPIRED,
    Reason.OUTSIDE_PERIOD,
    Reason.ALREADY_INSIDE,
    Reason.LIST_STALE,
]


@pytest.mark.parametrize("cured", range(len(SERIOUS_FIRST)))
def test_the_most_serious_objection_is_told_first(cured: int) -> None:
    """Everything is wrong at once; cured one by one from the top, the next one comes to light."""
    wrong = set(SERIOUS_FIRST[cured:])
    permit = Permit(
        CARD,
        standing=Reason.BLOCKED if Reason.BLOCKED in wrong else Reason.GRANTED,
        valid_until=YESTERDAY if Reason.OUTSIDE_PERIOD in wrong else TOMORROW,
        card_expiry=YESTERDAY if Reason.EXPIRED in wrong else TOMORROW,
        employer="123456785" if Reason.EMPLOYER_MISMATCH in wrong else "987654321",
    )
    at = Circumstances(Direction.ENTRY, TRUSTED, STALE, history=INSIDE_HERE, lane_closed=Reason.LANE_CLOSED in wrong)
    if Reason.ALREADY_INSIDE not in wrong:
        at = replace(at, history=CardHistory())
    reading = shown(Medium.STRIPE if Reason.WEAK_CREDENTIAL in wrong else Medium.CHIP)
    rules = replace(RULES, passback=Passback(Action.REFUSE))
    assert decide(reading, permit, at, rules).reason is SERIOUS_FIRST[cured]


@pytest.mark.parametrize("standing", [Reason.NOT_ON_CREW_LIST, Reason.COMPANY_NOT_APPROVED, Reason.TRAINING_MISSING])
def test_an_expired_card_is_told_before_what_the_site_office_could_mend(standing: Reason) -> None:
    assert Case(Reason.EXPIRED, permit=held(standing=standing, card_expiry=YESTERDAY)).decision().reason is (
        Reason.EXPIRED
    )


def test_a_cancelled_card_is_told_before_its_employer() -> None:
    permit = held(standing=Reason.CANCELLED, employer="123456785")
    assert decide(READING, permit, ENTERING, RULES).reason is Reason.CANCELLED


def test_p5_a_blocked_card_stays_out_even_without_a_list_and_without_a_clock() -> None:
    for now in (TRUSTED, UNTRUSTED):
        for list_state in (FRESH, STALE, None):
            at = Circumstances(Direction.ENTRY, now, list_state)
            assert decide(READING, held(standing=Reason.BLOCKED), at, RULES) == Decision(
                admitted=False,
                reason=Reason.BLOCKED,
                warnings=(Reason.CLOCK_UNTRUSTED,) if list_state is not None and not now.trusted else (),
            )


# --- rules that refuse, warn or are off ---------------------------------------------------------------

CHOSEN: dict[str, tuple[Case, Callable[[Rules, Action], Rules]]] = {
    "passback": (CASES["already inside"], lambda rules, action: replace(rules, passback=Passback(action))),
    "occupancy": (
        CASES["the zone is full"],
        lambda rules, action: replace(rules, occupancy=(Occupancy(3, action=action),)),
    ),
    "cover": (
        CASES["nobody in charge is inside"],
        lambda rules, action: replace(rules, cover=(Cover("warden", action=action),)),
    ),
    "rest": (CASES["too soon after the last shift"], lambda rules, action: replace(rules, rest=Rest(action))),
    "hours": (CASES["outside the opening hours"], lambda rules, action: replace(rules, outside_hours=action)),
    "clock": (CASES["the clock is untrusted"], lambda rules, action: replace(rules, untrusted_clock=action)),
}


@pytest.mark.parametrize("rule", CHOSEN)
@pytest.mark.parametrize("action", Action)
def test_a_rule_refuses_warns_or_is_off(rule: str, action: Action) -> None:
    case, chosen = CHOSEN[rule]
    rules = chosen(case.rules, action)
    expected = {
        Action.REFUSE: Decision(admitted=False, reason=case.reason),
        Action.WARN: Decision(admitted=True, reason=Reason.GRANTED, warnings=(case.reason,)),
        Action.OFF: Decision(admitted=True, reason=Reason.GRANTED),
    }
    assert decide(case.reading, case.permit, case.at, rules) == expected[action]


@pytest.mark.parametrize("rule", ["passback", "occupancy", "cover"])
@pytest.mark.parametrize("hub_away", Action)
@pytest.mark.parametrize("action", Action)
def test_a_rule_about_the_whole_site_does_no_more_than_is_said_while_the_hub_is_away(
    rule: str, action: Action, hub_away: Action
) -> None:
    case, chosen = CHOSEN[rule]
    rules = replace(chosen(case.rules, action), hub_away=hub_away)
    alone = decide(case.reading, case.permit, replace(case.at, alone=True), rules)
    heard = decide(
        case.reading, case.permit, case.at, chosen(case.rules, max(action, hub_away, key=list(Action).index))
    )
    assert alone == heard


@pytest.mark.parametrize(
    ("entered", "last", "inside", "admitted"),
    [
        (SITE, None, {SITE: 3}, False),
        (SITE, None, {SITE: 2}, True),
        (TUNNEL, SITE, {SITE: 9, TUNNEL: 3}, True),
        (TUNNEL, None, {SITE: 3}, False),  # a lane from the street straight into the tunnel
        (TUNNEL, OUTSIDE, {SITE: 3}, False),
        (SITE, "site/tunnel/shaft", {SITE: 9}, True),  # who has been counted is not counted again
    ],
)
def test_a_zone_is_full_for_who_is_not_in_it_yet(
    entered: str, last: str | None, inside: dict[str, int], admitted: bool
) -> None:
    history = CardHistory(LastPassage(last, 0)) if last is not None else CardHistory()
    crowd = {(zone, EVERYBODY): count for zone, count in inside.items()}
    at = replace(ENTERING, zone=entered, history=history, crowd=crowd)
    assert decide(READING, PERMIT, at, replace(RULES, occupancy=(Occupancy(3),))).admitted is admitted


@pytest.mark.parametrize(
    ("inside", "wardens", "groups", "admitted"),
    [
        (0, 0, (), True),  # the first is alone, and no n-th
        (1, 0, (), False),
        (1, 0, ("warden",), True),
        (1, 0, ("first-aider",), False),
        (5, 1, (), True),
        (5, 0, (), False),
    ],
)
def test_somebody_in_charge_is_inside_before_the_nth(
    inside: int, wardens: int, groups: tuple[str, ...], admitted: bool
) -> None:
    at = replace(ENTERING, crowd={(SITE, EVERYBODY): inside, (SITE, "warden"): wardens})
    rules = replace(RULES, cover=(Cover("warden", action=Action.REFUSE),))
    assert decide(READING, held(groups=groups), at, rules).admitted is admitted


def test_hours_may_be_those_of_a_group() -> None:
    crane = OpeningHours(frozenset(range(7)), time(4), time(22), groups=frozenset({"crane"}))
    day = OpeningHours(frozenset(range(7)), time(14), time(15))
    rules = replace(RULES, hours=(crane, day))
    assert decide(READING, held(groups=("crane", "warden")), ENTERING, rules).admitted
    assert decide(READING, held(groups=("warden",)), ENTERING, rules).reason is Reason.OUTSIDE_HOURS


@pytest.mark.parametrize(
    ("on_card", "on_list", "days", "told"),
    [
        (29, 365, 30, True),
        (365, 29, 30, True),
        (30, None, 30, False),
        (0, None, 30, True),
        (0, None, 0, False),
        (None, None, 30, False),
        (-1, 5, 30, False),  # that one has expired, which says enough
    ],
)
def test_a_card_that_expires_soon_is_told_and_let_in(
    on_card: int | None, on_list: int | None, days: int, told: bool
) -> None:
    expiries = [None if left is None else TODAY + timedelta(days=left) for left in (on_card, on_list)]
    rules = replace(RULES, expiry_notice_days=days)
    reading, permit = shown(expiry_date=expiries[0]), held(card_expiry=expiries[1])
    answer = decide(reading, permit, ENTERING, rules)
    assert (Reason.EXPIRES_SOON in answer.warnings) is told
    assert answer.reason is (Reason.EXPIRED if on_card == -1 else Reason.GRANTED)
    for unsaid in (replace(ENTERING, direction=Direction.EXIT), replace(ENTERING, now=UNTRUSTED)):
        assert Reason.EXPIRES_SOON not in decide(reading, permit, unsaid, rules).warnings


@pytest.mark.parametrize("action", Action)
def test_a_manual_pass_is_refused_noted_or_let_through_and_p6_never_at_an_exit(action: Action) -> None:
    rules = replace(RULES, manual_pass=action)
    assert (
        decide_by_hand(Direction.ENTRY, lane_closed=False, rules=rules)
        == {
            Action.REFUSE: Decision(admitted=False, reason=Reason.WEAK_CREDENTIAL),
            Action.WARN: Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.WEAK_CREDENTIAL,)),
            Action.OFF: Decision(admitted=True, reason=Reason.GRANTED),
        }[action]
    )
    assert decide_by_hand(Direction.EXIT, lane_closed=True, rules=rules).admitted
    assert decide_by_hand(Direction.ENTRY, lane_closed=True, rules=rules).reason is Reason.LANE_CLOSED


def test_warnings_stand_beside_the_refusal_they_did_not_cause() -> None:
    at = replace(ENTERING, history=INSIDE_HERE)
    assert decide(READING, held(standing=Reason.CANCELLED), at, RULES) == Decision(
        admitted=False, reason=Reason.CANCELLED, warnings=(Reason.ALREADY_INSIDE,)
    )


def test_who_went_out_last_is_not_inside() -> None:
    at = replace(ENTERING, history=CardHistory(LastPassage(OUTSIDE, 0)))
    assert decide(READING, PERMIT, at, replace(RULES, passback=Passback(Action.REFUSE))).admitted


@pytest.mark.parametrize("medium", Medium)
def test_only_accepted_media_open_an_entry(medium: Medium) -> None:
    assert decide(shown(medium), PERMIT, ENTERING, RULES).admitted is (medium in RULES.credentials.entry)
    narrow = replace(RULES, credentials=Credentials(entry=frozenset({medium})))
    assert decide(shown(medium), PERMIT, ENTERING, narrow).admitted


@pytest.mark.parametrize("medium", Medium)
def test_p6_a_medium_that_does_not_count_is_noted_at_an_exit_and_let_out(medium: Medium) -> None:
    narrow = replace(RULES, credentials=Credentials(exit=frozenset({Medium.CHIP})))
    answer = decide(shown(medium), PERMIT, replace(ENTERING, direction=Direction.EXIT), narrow)
    reason = Reason.GRANTED if medium is Medium.CHIP else Reason.WEAK_CREDENTIAL
    assert (answer.admitted, answer.reason) == (True, reason)


@pytest.mark.parametrize(
    ("ago_ms", "trusted", "admitted"),
    [(0, True, True), (DAY_MS, True, True), (DAY_MS + 1, True, False), (-1, True, False), (0, False, False)],
)
def test_a_weak_medium_opens_when_the_chip_was_read_here_lately(ago_ms: int, trusted: bool, admitted: bool) -> None:
    now = replace(TRUSTED, trusted=trusted)
    seen = CardHistory(last_chip=LastChip(b"\x04\x01\x02\x03", now.wall_ms - ago_ms))
    rules = replace(RULES, credentials=Credentials(if_chip_seen=frozenset({Medium.QR}), chip_seen_ms=DAY_MS))
    at = replace(ENTERING, now=now, history=seen)
    assert decide(shown(Medium.QR), PERMIT, at, rules).admitted is admitted
    assert not decide(shown(Medium.STRIPE), PERMIT, at, rules).admitted
    assert not decide(shown(Medium.QR), PERMIT, replace(at, history=CardHistory()), rules).admitted


@pytest.mark.parametrize(("on_card", "on_list"), [(None, "987654321"), ("987654321", None), (None, None)])
def test_an_employer_is_compared_only_where_both_sides_name_one(on_card: str | None, on_list: str | None) -> None:
    assert decide(shown(organisation_number=on_card), held(employer=on_list), ENTERING, RULES).admitted


# --- limits of time -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_ms", "stale"), [(0, False), (1, True)])
def test_a_list_is_stale_one_millisecond_after_its_limit_and_not_before(late_ms: int, *, stale: bool) -> None:
    confirmed = replace(FRESH, confirmed_ms=NOON_MS - RULES.stale_after_ms - late_ms)
    assert decide(READING, PERMIT, replace(ENTERING, list_state=confirmed), RULES).admitted is not stale
    expiring = replace(FRESH, expires_ms=NOON_MS - late_ms)
    assert decide(READING, PERMIT, replace(ENTERING, list_state=expiring), RULES).admitted is not stale


def at_time(moment: datetime) -> Circumstances:
    wall_ms = ms(moment)
    return Circumstances(
        Direction.ENTRY,
        Moment("boot-1", 1, wall_ms, trusted=True),
        replace(FRESH, confirmed_ms=wall_ms, expires_ms=wall_ms),
    )


@pytest.mark.parametrize(
    ("last_instant", "next_instant"),
    [
        # Summer: midnight in Oslo is 22:00 UTC; winter: 23:00.
        (datetime(2026, 6, 15, 21, 59, 59, 999_000, UTC), datetime(2026, 6, 15, 22, 0, tzinfo=UTC)),
        (datetime(2026, 12, 15, 22, 59, 59, 999_000, UTC), datetime(2026, 12, 15, 23, 0, tzinfo=UTC)),
        # The night on which the clocks go back has 25 hours.
        (datetime(2026, 10, 25, 22, 59, 59, 999_000, UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_in_oslo(last_instant: datetime, next_instant: datetime) -> None:
    day = last_instant.astimezone(OSLO).date()
    plain = Permit(CARD)
    for permit, reading, reason in [
        (replace(plain, valid_until=day), shown(expiry_date=None), Reason.OUTSIDE_PERIOD),
        (replace(plain, card_expiry=day), shown(expiry_date=None), Reason.EXPIRED),
        (plain, shown(expiry_date=day), Reason.EXPIRED),
    ]:
        assert decide(reading, permit, at_time(last_instant), RULES).admitted
        assert decide(reading, permit, at_time(next_instant), RULES).reason is reason
    begins = replace(plain, valid_from=day + timedelta(days=1))
    assert decide(shown(expiry_date=None), begins, at_time(last_instant), RULES).reason is Reason.OUTSIDE_PERIOD
    assert decide(shown(expiry_date=None), begins, at_time(next_instant), RULES).admitted


# --- an untrusted clock (P10) -------------------------------------------------------------------------

WILD = [0, ms(datetime(2038, 1, 19, tzinfo=UTC)), ms(datetime(1999, 1, 1, tzinfo=UTC)), 10**18, -(10**18)]


@pytest.mark.parametrize("wall_ms", WILD)
def test_p10_an_untrusted_clock_expires_nobody_and_makes_no_list_stale(wall_ms: int) -> None:
    at = replace(ENTERING, now=replace(UNTRUSTED, wall_ms=wall_ms))
    assert decide(READING, PERMIT, at, RULES) == Decision(
        admitted=True, reason=Reason.GRANTED, warnings=(Reason.CLOCK_UNTRUSTED,)
    )


def test_p10_what_had_expired_when_the_list_was_signed_is_expired_without_a_clock_too() -> None:
    at = replace(ENTERING, now=UNTRUSTED)
    assert decide(READING, held(card_expiry=YESTERDAY), at, RULES).reason is Reason.EXPIRED
    assert decide(READING, held(valid_until=YESTERDAY), at, RULES).reason is Reason.OUTSIDE_PERIOD


def test_p10_a_period_that_may_have_begun_by_now_is_a_question_of_the_clock_rule() -> None:
    at = replace(ENTERING, now=UNTRUSTED)
    permit = held(valid_from=TOMORROW)
    assert decide(READING, permit, at, RULES).admitted
    refusing = replace(RULES, untrusted_clock=Action.REFUSE)
    assert decide(READING, permit, at, refusing).reason is Reason.CLOCK_UNTRUSTED


@pytest.mark.parametrize(
    ("permit", "expiry_on_card", "asks_the_clock"),
    [
        (Permit(CARD), None, False),
        (Permit(CARD, valid_from=YESTERDAY), None, True),
        (Permit(CARD, valid_until=TOMORROW), None, True),
        (Permit(CARD, card_expiry=TOMORROW), None, True),
        (Permit(CARD), TOMORROW, True),
    ],
)
def test_p10_any_date_asks_the_clock_and_only_a_date(
    permit: Permit, expiry_on_card: date | None, *, asks_the_clock: bool
) -> None:
    decision = decide(shown(expiry_date=expiry_on_card), permit, replace(ENTERING, now=UNTRUSTED), RULES)
    assert decision.warnings == ((Reason.CLOCK_UNTRUSTED,) if asks_the_clock else ())


# --- over everything ----------------------------------------------------------------------------------

any_day = st.none() | st.dates()
any_ms = st.integers(-(2**63), 2**63 - 1) | st.integers(NOON_MS - 10**11, NOON_MS + 10**11)
any_employer = st.sampled_from([None, "", "987654321", "123456785"])
any_contents = st.builds(
    CardContents, st.just(CARD), expiry_date=any_day, organisation_number=any_employer, date_of_birth=any_day
)
any_reading = st.builds(
    CardReading, st.just("r"), st.sampled_from(Medium), any_contents | st.builds(Unreadable, st.text())
)
any_zone = st.sampled_from([OUTSIDE, SITE, TUNNEL])
any_group = st.sampled_from([EVERYBODY, "warden", "crane"])
any_permit = st.none() | st.builds(
    Permit,
    st.just(CARD),
    st.sampled_from(Reason),
    any_day,
    any_day,
    any_day,
    any_employer,
    st.none(),
    st.lists(any_group, max_size=2).map(tuple),
)
any_circumstances = st.builds(
    Circumstances,
    st.sampled_from(Direction),
    st.builds(Moment, st.just("b"), st.integers(0, 2**62), any_ms, st.booleans()),
    st.none() | st.builds(ListState, st.integers(1, 9), st.just(1), st.just("d"), any_ms, any_ms),
    st.builds(
        CardHistory,
        st.none() | st.builds(LastPassage, any_zone, any_ms),
        st.none() | st.builds(LastChip, st.binary(), any_ms),
    ),
    st.booleans(),
    st.just(""),
    any_zone,
    st.dictionaries(st.tuples(any_zone, any_group), st.integers(0, 3)),
    st.booleans(),
)
any_media = st.frozensets(st.sampled_from(Medium))
any_time = st.times().map(lambda at: at.replace(tzinfo=None))
any_passback = st.builds(
    Passback, st.sampled_from(Action), st.none() | st.integers(0, 10**9), st.integers(0, 10**6), st.none() | any_time
)
any_lanes = st.none() | st.just(frozenset({""}))
any_hours = st.builds(OpeningHours, st.frozensets(st.integers(0, 6)), any_time, any_time, any_lanes)
any_rules = st.builds(
    Rules,
    st.sampled_from([OSLO, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns"), UTC]),
    st.builds(Credentials, any_media, any_media, any_media, st.integers(0, 10**12)),
    st.builds(
        Passback,
        st.sampled_from(Action),
        st.none() | st.integers(0, 10**9),
        st.integers(0, 10**6),
        st.none() | any_time,
    ),
    st.lists(
        st.builds(
            OpeningHours, st.frozensets(st.integers(0, 6)), any_time, any_time, st.none() | st.just(frozenset({""}))
        ),
        max_size=2,
    ).map(tuple),
    st.sampled_from(Action),
    st.builds(Rest, st.sampled_from(Action)),
    st.lists(st.builds(Occupancy, st.integers(0, 3), any_zone, st.none(), st.sampled_from(Action)), max_size=2).map(
        tuple
    ),
    st.lists(st.builds(Cover, any_group, st.integers(0, 3), any_zone, st.sampled_from(Action)), max_size=2).map(tuple),
    st.sampled_from(Action),
    st.sampled_from(Action),
    st.integers(0, 40),
    st.integers(0, 10**12),
    st.sampled_from(ListPolicy),
    st.integers(0, 10**12),
    st.sampled_from(ListPolicy),
    st.integers(0, 10**12),
    st.sampled_from(Action),
)


@given(any_reading, any_permit, any_circumstances, any_rules)
def test_p6_an_exit_is_never_refused(
    reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules
) -> None:
    assert decide(reading, permit, replace(at, direction=Direction.EXIT), rules).admitted


@given(any_reading, any_permit, any_circumstances, any_rules)
def test_an_entry_is_admitted_exactly_when_there_is_no_objection(
    reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules
) -> None:
    decision = decide(reading, permit, replace(at, direction=Direction.ENTRY), rules)
    assert decision.admitted is (decision.reason is Reason.GRANTED)
    assert Reason.GRANTED not in decision.warnings
    assert decision.reason not in decision.warnings


@given(any_reading, any_circumstances, any_rules)
def test_p5_no_circumstance_lets_a_blocked_card_in(reading: CardReading, at: Circumstances, rules: Rules) -> None:
    blocked = Permit(CARD, standing=Reason.BLOCKED)
    assert not decide(reading, blocked, replace(at, direction=Direction.ENTRY), rules).admitted


@given(any_reading, any_permit, any_circumstances, any_rules)
def test_p1_the_same_question_always_gets_the_same_answer(
    reading: CardReading, permit: Permit | None, at: Circumstances, rules: Rules
) -> None:
    assert decide(reading, permit, at, rules) == decide(reading, permit, at, rules)
