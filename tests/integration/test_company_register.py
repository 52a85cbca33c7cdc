"""The register of companies, asked by itself: soon, each night, at its pace; and nothing of its sickness counts."""

import contextlib
from collections.abc import Callable, Iterator

import msgspec
import pytest

from hub.central.registers.company_watch import CompanyWatch
from hub.central.registers.register_state import vigil_of
from hub.company_answers import CompanyAnswer
from hub.crew.importing import Terms, import_list
from hub.crew.rows import ReadList
from hub.permits import Requirements
from hub.records import CrewMember
from hub.register_settings import CompanySettings
from hub.store import HubStore
from portvakt.doubles.companies import CompaniesDouble
from portvakt.doubles.serving import BROKEN, HTML, Fault, Reply, Serving
from tests.sim.registers import HOUR_MS, ZONE, Clock

COMPANY, OTHER, MAIN = "310451274", "123456785", "987654325"
STRICT = Requirements(company_registered="refuse")


class Companies:
    def __init__(self, store: HubStore, held: contextlib.ExitStack) -> None:
        self.store = store
        self.clock = Clock()
        self.double = CompaniesDouble({"default": {}})
        self.server: Serving = held.enter_context(self.double.serving())
        said = {"on": True, "base_url": self.server.url, "per_second": 10, "timeout_s": 5}
        self.settings = msgspec.convert(said, CompanySettings)
        self.watch = CompanyWatch(self.settings, store, requirements=STRICT, zone=ZONE, now_ms=self.clock)
        held.callback(self.watch.close)

    def crew(self, *companies: str) -> None:
        members = tuple(
            CrewMember("hms", f"531002{place}", "Ada", "Nordli", company) for place, company in enumerate(companies)
        )
        import_list(self.store, ReadList(members, ()), "crew.csv", Terms("kari", self.clock.now_ms, STRICT))

    def settle(self) -> None:
        for _ in range(50):
            if self.watch.turn(self.clock.pause):
                return
        raise AssertionError("there is always something to do")

    def night(self) -> None:
        self.clock.now_ms += 24 * HOUR_MS
        self.settle()
        self.settle()

    def answers(self) -> dict[str, CompanyAnswer]:
        with self.store.heard() as heard:
            return heard.companies()

    def standings(self) -> list[str]:
        return [permit.standing for permit in self.store.permit_list().permits]

    @property
    def asked(self) -> list[str]:
        return [request.path for request in self.server.requests]


@pytest.fixture
def site(store: HubStore) -> Iterator[Callable[[], Companies]]:
    with contextlib.ExitStack() as held:
        yield lambda: Companies(store, held)


def test_each_company_is_asked_soon_and_each_night_and_a_bankruptcy_counts_both_ways(
    site: Callable[[], Companies],
) -> None:
    yard = site()
    yard.crew(COMPANY, OTHER)
    yard.settle()
    assert yard.asked == [f"/enheter/{OTHER}", f"/enheter/{COMPANY}"]
    assert yard.standings() == ["granted", "granted"]
    yard.double.units[COMPANY] = {"konkurs": True}
    yard.settle()
    assert len(yard.asked) == 2
    yard.night()
    assert yard.standings() == ["company_not_approved", "granted"]
    revision = yard.store.revision()
    del yard.double.units[COMPANY]
    yard.night()
    assert yard.standings() == ["granted", "granted"]
    assert yard.store.revision() == revision + 1
    yard.night()
    assert yard.store.revision() == revision + 1


def test_deleted_units_sub_units_and_numbers_that_nobody_has(site: Callable[[], Companies]) -> None:
    yard = site()
    yard.double.default = None
    yard.double.units = {MAIN: {"underAvvikling": True}, OTHER: {"gone": True, "slettedato": "2026-10-01"}}
    yard.double.sub_units = {COMPANY: {"overordnetEnhet": MAIN}}
    yard.crew(COMPANY, OTHER, "974760673")
    yard.settle()
    found = {number: (one.status, one.words) for number, one in yard.answers().items()}
    assert found == {
        COMPANY: ("dissolving", "main unit: underAvvikling"),
        OTHER: ("deleted", "slettedato 2026-10-01"),
        "974760673": ("unknown", "not in the register"),
    }
    assert yard.answers()[COMPANY].main_unit == MAIN
    # A number that nobody has changes nothing; the other two do.
    assert yard.standings() == ["company_not_approved", "company_not_approved", "granted"]
    assert [permit.employer for permit in yard.store.permit_list().permits] == [MAIN, OTHER, "974760673"]


SICK = [
    (Fault(HTML), "no JSON"),
    (Fault(BROKEN), "answers 500"),
    (Fault(cut_after=20), "RemoteProtocolError"),
    (Fault(Reply(429, b"", headers={"Retry-After": "90"})), "answers 429"),
    (Fault(Reply(404, b"<html>", "text/html")), "no JSON"),
]


@pytest.mark.parametrize(("fault", "words"), SICK)
def test_a_sick_register_changes_nothing_and_is_asked_again(
    site: Callable[[], Companies], fault: Fault, words: str
) -> None:
    yard = site()
    yard.double.units[COMPANY] = {"konkurs": True}
    yard.crew(COMPANY)
    yard.settle()
    before, revision = yard.answers(), yard.store.revision()
    yard.server.misbehave(fault)
    yard.clock.now_ms += 24 * HOUR_MS
    yard.settle()
    vigil = vigil_of(yard.store, "company_register")
    assert words in vigil.words
    assert (yard.answers(), yard.store.revision()) == (before, revision)
    if "429" in words:
        assert vigil.pause_until_ms == yard.clock.now_ms + 90_000
    yard.clock.now_ms = vigil.pause_until_ms
    yard.settle()
    assert yard.answers()[COMPANY].answered_ms == yard.clock.now_ms - 100


def test_an_answer_that_nobody_understands_is_that_companys_alone(site: Callable[[], Companies]) -> None:
    yard = site()
    yard.crew(COMPANY, OTHER)
    yard.settle()
    yard.server.misbehave(Fault(Reply(200, b'{"organisasjonsnummer": "974760673", "konkurs": true}')))
    yard.night()
    found = yard.answers()
    assert found[OTHER].failure == "the answer does not name this organisation number"
    assert (found[OTHER].status, found[COMPANY].failure) == ("ok", None)
    assert yard.standings() == ["granted", "granted"]


def test_silence_is_an_alarm(site: Callable[[], Companies]) -> None:
    yard = site()
    yard.crew(COMPANY)
    yard.server.misbehave(*[Fault(BROKEN)] * 100)
    for _ in range(4):
        yard.settle()
        yard.clock.now_ms += 660_000
    yard.settle()
    with yard.store.heard() as heard:
        assert heard.alarm_raised("register.silent", "company_register")
    yard.server.behave()
    for _ in range(2):
        yard.clock.now_ms += 660_000
        yard.settle()
    yard.settle()
    with yard.store.heard() as heard:
        assert not heard.alarm_raised("register.silent", "company_register")
