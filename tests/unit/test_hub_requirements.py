"""What a site asks for: each requirement refuses, warns or is off; the chain's levels; the gate's answer by day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.decide import Circumstances, Rules, decide
from gate.model import CardContents, CardId, CardReading, Direction, ListState, Medium, Moment, Permit, Reason
from gate.uplink.contract import WirePermit
from gate.uplink.translate import permits_from_wire
from hub.chain import level_of, loop_at
from hub.permits import (
    USUAL,
    CardFacts,
    QualificationRule,
    Requirements,
    answer,
    compile_permits,
    examine,
    permit,
    standing,
)

FINE = CardFacts("hms", "5310027")
OSLO = ZoneInfo("Europe/Oslo")

UNMET: dict[str, tuple[dict[str, object], str]] = {
    "card_valid": ({"status": "cancelled"}, "cancelled"),
    "crew_list": ({"listed": False}, "not_on_crew_list"),
    "company_approved": ({"company_approved": False}, "company_not_approved"),
    "company_registered": ({"registered": False}, "company_not_approved"),
    "startbank": ({"startbank": False}, "company_not_approved"),
    "chain_level": ({"chain_level": 2}, "company_not_approved"),
    "induction": ({"training": False}, "training_missing"),
}


def facts(**changes: object) -> CardFacts:
    return CardFacts(**({"scheme": "hms", "number": "5310027", "startbank": True} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("requirement", UNMET)
def test_each_requirement_refuses_warns_or_is_off(requirement: str) -> None:
    changes, word = UNMET[requirement]
    one = facts(**changes)
    for action, expected in (("refuse", word), ("warn", "granted"), ("off", "granted")):
        rules = Requirements(**{requirement: action})  # type: ignore[arg-type]
        assert standing(one, rules) == expected
        assert standing(facts(), rules) == "granted"
        (finding,) = [found for found in examine(one, rules) if found.requirement == requirement]
        assert (finding.action, finding.met, finding.standing) == (action, False, word)


def test_nothing_lets_a_blocked_card_in() -> None:
    nothing_asked = Requirements(card_valid="off", crew_list="off", company_approved="off", induction="off")
    assert standing(facts(status="blocked"), nothing_asked) == "blocked"
    assert standing(facts(status="cancelled", listed=False, training=False), nothing_asked) == "granted"


def test_a_chain_without_an_end_has_no_level_that_would_do() -> None:
    assert standing(facts(chain_level=None), Requirements(chain_level="refuse", chain_level_max=20)) != "granted"


def test_a_qualification_concerns_its_groups_and_ends_the_permit() -> None:
    """The gate knows no qualifications: the permit's last day is the last one of what is needed."""
    rules = Requirements(qualifications=(QualificationRule("hot-work", groups=("welder",)),))
    assert standing(facts(), rules) == "granted"
    assert standing(facts(groups=("welder",)), rules) == "training_missing"
    held = facts(groups=("welder",), qualifications=(("hot-work", "2026-05-01"),), valid_until="2026-09-01")
    assert permit(held, rules).standing == "granted"
    assert permit(held, rules).valid_until == "2026-05-01"
    assert permit(held, USUAL).valid_until == "2026-09-01"
    for_ever = facts(groups=("welder",), qualifications=(("hot-work", None),), valid_until="2026-09-01")
    assert permit(for_ever, rules).valid_until == "2026-09-01"
    warning = Requirements(qualifications=(QualificationRule("hot-work", "warn"),))
    assert permit(held, warning).valid_until == "2026-09-01"
    assert standing(facts(), warning) == "granted"


def test_a_qualification_that_has_ended_is_named() -> None:
    rules = Requirements(qualifications=(QualificationRule("crane", "warn"),))
    held = facts(qualifications=(("crane", "2026-05-01"),))
    for today, met in (("2026-05-01", True), ("2026-05-02", False)):
        *_, found = examine(held, rules, today)
        assert (found.requirement, found.met, found.value) == ("qualification crane", met, "until 2026-05-01")


@given(
    st.builds(
        CardFacts,
        scheme=st.just("hms"),
        number=st.just("1"),
        status=st.sampled_from(["ok", "blocked", "cancelled"]),
        listed=st.booleans(),
        company_approved=st.booleans(),
        training=st.booleans(),
        registered=st.booleans(),
        startbank=st.booleans(),
        chain_level=st.one_of(st.none(), st.integers(0, 4)),
        qualifications=st.sampled_from([(), (("crane", None),), (("crane", "2026-01-01"),)]),
    ),
    st.builds(
        Requirements,
        **{name: st.sampled_from(["refuse", "warn", "off"]) for name in UNMET},
        qualifications=st.sampled_from([(), (QualificationRule("crane"),), (QualificationRule("crane", "off"),)]),
    ),
)
def test_what_is_told_is_the_first_unmet_that_refuses(one: CardFacts, rules: Requirements) -> None:
    """`hub why` and the permits rest on the same look at a card."""
    refusing = [found.standing for found in examine(one, rules) if not found.met and found.action == "refuse"]
    assert standing(one, rules) == (refusing or ["granted"])[0]


def test_requirements_that_change_no_answer_change_no_byte() -> None:
    cards = [facts(number=str(number)) for number in range(3)]
    asked = Requirements(startbank="refuse", chain_level="refuse", company_registered="warn")
    assert compile_permits(cards, (), asked) == compile_permits(cards)


DAYS = ("2026-03-01", "2026-03-02", "2026-03-03")


@given(
    st.one_of(
        st.none(),
        st.builds(
            WirePermit,
            scheme=st.just("hms"),
            number=st.just("5310027"),
            standing=st.sampled_from(
                ["granted", "blocked", "cancelled", "not_on_crew_list", "company_not_approved", "training_missing"]
            ),
            valid_from=st.sampled_from([None, *DAYS]),
            valid_until=st.sampled_from([None, *DAYS]),
            card_expiry=st.sampled_from([None, *DAYS]),
        ),
    )
)
def test_the_hub_says_what_the_gate_says(held: WirePermit | None) -> None:
    """`hub why` has its own answer, because the hub does not know the gate's code: it must be the same one."""
    at_ms = int(datetime(2026, 3, 2, 12, tzinfo=OSLO).timestamp() * 1000)
    reading = CardReading("in", Medium.CHIP, CardContents(CardId("hms", "5310027")))
    known: Permit | None = permits_from_wire([held])[0] if held else None
    now = Moment(boot="boot", monotonic_ms=0, wall_ms=at_ms, trusted=True)
    at = Circumstances(Direction.ENTRY, now, ListState(1, 1, "0" * 64, at_ms, at_ms + 1000))
    said = decide(reading, known, at, Rules(zone=OSLO)).reason
    assert answer(held, date(2026, 3, 2).isoformat()) == said.value
    assert isinstance(said, Reason)


def test_levels_of_a_chain() -> None:
    engaged_by = {"b": "a", "c": "b", "d": "a"}
    assert [level_of(company, engaged_by) for company in "abcd"] == [0, 1, 2, 1]


def test_a_loop_is_found_from_wherever_it_is_entered() -> None:
    engaged_by = {"x": "a", "a": "b", "b": "a", "s": "s"}
    assert sorted(loop_at("x", engaged_by) or ()) == ["a", "b"]
    assert loop_at("s", engaged_by) == ("s",)
    assert loop_at("z", engaged_by) is None
    assert level_of("x", engaged_by) is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")))
def test_every_chain_ends_in_a_level_or_a_loop(engaged_by: dict[str, str]) -> None:
    for company in "abcdef":
        level = level_of(company, engaged_by)
        assert (level is None) == (loop_at(company, engaged_by) is not None)
        assert level is None or level < len("abcdef")
