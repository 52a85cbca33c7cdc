"""`gate simulate`: the scenarios that come with the gate go as declared, and one that does not is told."""

import json
from pathlib import Path

import pytest

from gate.cli import main

SCENARIOS = sorted((Path(__file__).parents[2] / "config" / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_goes_as_declared(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--scenario", str(path)]) == 0
    out = capsys.readouterr().out
    assert "✓ as declared" in out
    assert "✗" not in out


def test_those_that_the_lane_must_have_are_there() -> None:
    names = {path.stem for path in SCENARIOS}
    assert {"fire-during-passage", "tailgating", "stuck-sensor", "power-cut-after-fire", "lockdown"} <= names


def test_one_that_goes_otherwise_is_told_and_is_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\n[[steps]]\ndo = "badge"\nevents = ["badge.granted"]\nmode = "free"\nways = ["entry"]\n'
        '[[steps]]\ndo = "wait"\n'
    )
    assert main(["simulate", "--scenario", str(path), str(SCENARIOS[0])]) == 1
    out = capsys.readouterr().out
    assert "✗ events: declared badge.granted, found badge.refused" in out
    assert "✗ mode: declared free, found normal" in out
    assert "✗ ways: declared entry, found nothing" in out
    assert "2 scenarios, 1 not as declared" in out
    assert main(["simulate", "--scenario", str(path), "--json"]) == 1
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["what"], first["events"], len(first["wrong"])) == ("badge a stranger entry", ["badge.refused"], 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('title = "x"\n', "steps"),
        ('title = "x"\n[[steps]]\ndo = "fly"\n', "fly"),
        ('title = "x"\n[[steps]]\ndo = "wait"\nafter_s = -1.0\n', "after_s"),
        ("title = ", "not valid TOML"),
    ],
)
def test_a_scenario_that_is_none_is_one_line(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert main(["simulate", "--scenario", str(path)]) == 1
    err = capsys.readouterr().err
    assert says in err
    assert "mine.toml" in err
