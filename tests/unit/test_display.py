"""What a lane's screen shows: the face of each answer and mode, its letters and signs, and when a face ends."""

from dataclasses import dataclass, field
from itertools import combinations

import pytest

from gate.displayed_lane import DisplayedLane
from gate.model import Decision, Direction, Reason
from gate.relay.display import LOST, Face, Sign, answer, of_mode
from gate.relay.texts import ANSWERS, MODE_WORDS, PHRASES, Language
from gate.screen.app import COLOURS
from gate.screen.lettering import LETTERS, lettered
from gate.screen.pictograms import STROKES, drawn
from gate.screen_cli import demo_pictures
from gate.turnstile import Mode
from tests.sim.ports import MemoryLane

GO = Decision(admitted=True, reason=Reason.GRANTED)
TELLS_TO_GO = {Sign.GO, Sign.NOTE}
REFUSALS = sorted(set(Reason) - {Reason.GRANTED, Reason.EXPIRES_SOON})


def refused(reason: Reason) -> Decision:
    return Decision(admitted=False, reason=reason)


# --- faces --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_never_says_go_and_p6_an_exit_never_says_stop(reason: Reason) -> None:
    face = answer(refused(reason), Direction.ENTRY, "nb")
    assert face.sign in {Sign.STOP, Sign.ASK, Sign.AGAIN}
    assert face.headline == ANSWERS[reason][Language.NB][0]
    leaving = answer(Decision(admitted=True, reason=reason), Direction.EXIT, "nb")
    assert leaving.sign in TELLS_TO_GO


def test_a_grant_says_go_and_a_warning_to_the_worker_says_so() -> None:
    assert answer(GO, Direction.ENTRY, "pl").sign is Sign.GO
    for warning in (Reason.EXPIRES_SOON, Reason.ALREADY_INSIDE):
        warned = answer(Decision(admitted=True, reason=Reason.GRANTED, warnings=(warning,)), Direction.ENTRY, "pl")
        assert warned.sign is Sign.NOTE
    soon = Decision(admitted=True, reason=Reason.GRANTED, warnings=(Reason.EXPIRES_SOON,))
    assert answer(soon, Direction.ENTRY, "en").headline == "Card expires soon"


@pytest.mark.parametrize(
    ("language", "twice"), [("nb", False), ("lt-LT", False), ("sv", False), ("uk", True), (None, True)]
)
def test_who_speaks_none_of_the_languages_is_told_in_english_too(language: str | None, twice: bool) -> None:
    face = answer(refused(Reason.EXPIRED), Direction.ENTRY, language)
    assert bool(face.also) is twice
    if twice:
        assert face.also.startswith("Card has expired.")


def test_every_mode_has_a_face_that_stays_and_every_answer_one_that_passes() -> None:
    assert [of_mode(mode).sign for mode in (Mode.NORMAL, Mode.EVACUATED)] == [Sign.SHOW_CARD, Sign.EVACUATE]
    for mode in Mode:
        face = of_mode(mode)
        assert face.headline
        assert face.next_step
        assert not face.passing
    assert answer(GO, Direction.ENTRY, "nb").passing
    assert not LOST.passing


def test_the_demo_shows_every_sign() -> None:
    assert {face.sign for face in demo_pictures()} == set(Sign)


# --- drawing ------------------------------------------------------------------------------------------


def test_every_sign_is_drawn_and_has_its_colours() -> None:
    assert set(STROKES) == set(Sign) == set(COLOURS)


@pytest.mark.parametrize("rows", [5, 9, 20])
def test_signs_differ_without_colour_and_at_every_size(rows: int) -> None:
    """At the smallest size by a tenth of their points at least."""
    for one, other in combinations(Sign, 2):
        pair = ["".join(drawn(sign, rows)) for sign in (one, other)]
        assert len(pair[0]) == len(pair[1]) == 2 * rows * rows
        differing = sum(a != b for a, b in zip(*pair, strict=True))
        assert differing >= rows * rows // 5, f"{one} looks like {other}"


@pytest.mark.parametrize("sign", Sign)
def test_ink_can_be_read_on_its_ground(sign: Sign) -> None:
    """A contrast of 7 to 1, WCAG's enhanced level: the sun is on it."""
    ink, ground = (_luminance(colour) for colour in COLOURS[sign])
    assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 7


def _luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def headlines() -> set[str]:
    answers = {text[0] for by_language in ANSWERS.values() for text in by_language.values()}
    modes = {text for by_language in MODE_WORDS.values() for text in by_language.values()}
    return answers | modes | {text for by_language in PHRASES.values() for text in by_language.values()}


def test_every_letter_of_every_headline_can_be_drawn() -> None:
    unknown = "\n".join(lettered("\u2603", 99) or [])
    for headline in headlines():
        for character in set(headline.upper()) - {" ", "?"}:
            assert "\n".join(lettered(character, 99) or []) != unknown, f"{character!r} of {headline!r}"


def test_marks_are_drawn() -> None:
    plain, marked = lettered("AZSE", 99), lettered("ÅŻȘĘ", 99)
    assert plain != marked
    assert lettered("É", 99) != lettered("Ė", 99) != lettered("E", 99)


def test_letters_are_broken_into_lines_and_words_never() -> None:
    assert len(lettered("ABC", 17) or []) == 6
    assert len(lettered("AB CD", 17) or []) == 12
    assert lettered("ABC", 16) is None
    assert len(lettered("AB", 99, scale=2) or []) == 12
    assert all(len({len(row) for row in glyph}) == 1 and len(glyph) == 7 for glyph in LETTERS.values())


# --- a lane with a screen -----------------------------------------------------------------------------


@dataclass
class Posted:
    """A display that keeps what it was given."""

    faces: list[Face] = field(default_factory=list)

    def post(self, face: Face) -> None:
        self.faces.append(face)

    @property
    def signs(self) -> list[Sign]:
        return [face.sign for face in self.faces]


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture
def lane(posted: Posted) -> DisplayedLane:
    return DisplayedLane(MemoryLane("main", []), posted)


@pytest.mark.parametrize("ends", ["secure", "hold"])
def test_go_is_not_shown_at_an_arm_that_is_locked_again(lane: DisplayedLane, posted: Posted, ends: str) -> None:
    lane.release(Direction.ENTRY)
    lane.show(GO, Direction.ENTRY, "nb")
    lane.secure() if ends == "secure" else lane.hold(frozenset({Direction.ENTRY}))
    lane.secure()
    assert posted.signs == [Sign.GO, Sign.SHOW_CARD]


def test_a_refusal_stays_until_it_passes(lane: DisplayedLane, posted: Posted) -> None:
    lane.show(refused(Reason.EXPIRED), Direction.ENTRY, "nb")
    lane.secure()
    assert posted.signs == [Sign.STOP]


def test_an_evacuation_is_not_painted_over(lane: DisplayedLane, posted: Posted) -> None:
    lane.show_mode(Mode.EVACUATED)
    lane.show(GO, Direction.EXIT, "nb")
    lane.show(refused(Reason.EXPIRED), Direction.ENTRY, "nb")
    assert posted.signs == [Sign.EVACUATE]
    lane.show_mode(Mode.NORMAL)
    lane.show(GO, Direction.EXIT, "nb")
    assert posted.signs == [Sign.EVACUATE, Sign.SHOW_CARD, Sign.GO]


def test_p12_a_name_stands_only_beside_the_welcome_that_it_came_for(lane: DisplayedLane, posted: Posted) -> None:
    lane.greet("Łukasz")
    lane.show(refused(Reason.EXPIRED), Direction.ENTRY, "pl")
    lane.greet("Łukasz")
    lane.show(GO, Direction.ENTRY, "pl")
    lane.greet("Łukasz")
    lane.secure()
    lane.greet("Łukasz")
    assert [face.name for face in posted.faces] == ["", "", "Łukasz", ""]


def test_everything_goes_on_to_the_turnstile_itself() -> None:
    log: list[str] = []
    lane = DisplayedLane(MemoryLane("main", log), Posted())
    lane.start(lambda _: None)
    lane.release(Direction.ENTRY)
    lane.show(GO, Direction.ENTRY, "nb")
    lane.greet("Ada")
    lane.hold(frozenset({Direction.EXIT}))
    lane.secure()
    lane.show_mode(Mode.LOCKED)
    lane.close()
    assert log == [
        "start main", "release main entry", "show main entry granted", "greet main Ada", "hold main exit",
        "secure main", "mode main locked", "close main",
    ]  # fmt: skip
