"""The table of texts is whole in both languages, and knows every word that gates and requirements have."""

import re
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from gate.model import ReaderState, Reason
from gate.turnstile import Mode
from hub.card_answers import CardStatus
from hub.central import registry
from hub.console.screens.gates import MODES
from hub.console.screens.muster import OUTCOMES
from hub.console.texts import Text
from hub.console.vocabulary import ANSWERS, LACKS, READERS, REGISTER, REMARKS, REQUIREMENTS, VALUES
from hub.console.words import Words
from hub.muster import Outcome
from hub.permits import CardFacts, examine
from hub.reports.oversiktsliste import NO_BIRTH, NO_CARD, NO_NAME, NOT_LISTED
from tests.unit.test_hub_presence import oslo

OSLO = ZoneInfo("Europe/Oslo")
CODE = "\n".join(
    file.read_text(encoding="utf-8") for file in Path("hub/console").rglob("*.py") if file.name != "texts.py"
)


def gaps(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("text", Text, ids=lambda text: text.name)
def test_both_languages_have_the_text_with_the_same_gaps(text: Text) -> None:
    norwegian, english = text.value
    assert norwegian.strip()
    assert english.strip()
    assert gaps(norwegian) == gaps(english)


@pytest.mark.parametrize("name", sorted(Text.__members__))
def test_no_text_is_left_over(name: str) -> None:
    assert re.search(rf"\bText\.{name}\b", CODE), name


def test_every_answer_of_a_gate_and_every_requirement_has_its_words() -> None:
    assert set(Reason) <= set(ANSWERS)
    assert set(Mode) == set(MODES)
    assert set(Outcome) == set(OUTCOMES)
    assert set(CardStatus) == set(REGISTER)
    assert set(ReaderState) == set(READERS)
    assert {kind: english for kind, (_, english) in REMARKS.items()} == registry.REMARKS
    assert set(LACKS) == {NOT_LISTED, NO_NAME, NO_BIRTH, NO_CARD}
    findings = {finding.requirement for finding in examine(CardFacts("hms", "1"))}
    assert findings | {"qualification"} == set(REQUIREMENTS)
    assert all(
        one and other
        for table in (ANSWERS, READERS, REMARKS, REQUIREMENTS, VALUES, REGISTER, LACKS)
        for one, other in table.values()
    )


def test_words_that_are_not_known_stand_as_they_are() -> None:
    words = Words("en", OSLO)
    assert words.answer("brand_new_reason") == "brand_new_reason"
    assert words.answer("a\x1b[31mb") == "a�[31mb"
    assert words.requirement("qualification hot-work") == "qualification: hot-work"
    assert (words.reader("brand_new"), words.remark("own", "a\x07")) == ("brand_new", "a\ufffd")
    assert (words.form("text"), words.form("xlsx"), Words("nb", OSLO).form("text")) == ("text", "xlsx", "tekst")
    assert (words.decimal(4.5), words.decimal(4.0), Words("nb", OSLO).decimal(4.5)) == ("4.5", "4", "4,5")
    assert words.say(Text.NOBODY_FOUND, sought="{x}\x07") == "Nothing found for “{x}�”."


def test_times_are_the_sites_own() -> None:
    words = Words("nb", OSLO)
    now = oslo("2026-05-05T06:55")
    assert words.clock(now) == "06:55:00"
    assert words.moment(oslo("2026-05-04T23:59"), now) == "04.05. 23:59"
    assert words.moment(oslo("2025-12-31T07:00"), now) == "31.12.2025"
    assert [words.age(ms) for ms in (-5, 900, 59_000, 61_000, 119 * 60_000, 121 * 60_000, 50 * 3_600_000)] == [
        "0 s", "0 s", "59 s", "1 min", "119 min", "2 t", "2 d",
    ]  # fmt: skip
    assert [words.elapsed(ms) for ms in (0, 61_000, 3_661_000)] == ["00:00", "01:01", "1:01:01"]
    assert words.clock(10**18) == "00:00:00"
