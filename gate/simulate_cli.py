"""`gate simulate`: play scenarios, state by state; 0 only when everything went as declared."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gate.scenario import Played

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_commands(subparsers: Subparsers) -> None:
    """Add `simulate` to the parser of `gate`."""
    simulate = subparsers.add_parser("simulate", help="play scenarios on a simulated lane, state by state")
    simulate.add_argument("--scenario", type=Path, nargs="+", required=True, metavar="FILE", help="scenarios (TOML)")
    simulate.add_argument("--json", action="store_true", help="one line a step, for programs")
    simulate.set_defaults(run=simulate_command)


def simulate_command(args: argparse.Namespace) -> int:
    """Play them all. Raises SettingsError."""
    failed = [path for path in args.scenario if not _played(path, as_json=args.json)]
    if not args.json:
        print(f"{len(args.scenario)} scenarios, {len(failed)} not as declared")
    return 1 if failed else 0


def _played(path: Path, *, as_json: bool) -> bool:
    # Here, as it brings the whole gate with it.
    from gate.scenario import load_scenario, play

    scenario = load_scenario(path)
    wrong = False
    if not as_json:
        print(f"{scenario.title}  ({path})")
    for step in play(scenario):
        wrong = wrong or bool(step.wrong)
        if as_json:
            print(json.dumps({"scenario": str(path), **asdict(step)}, ensure_ascii=False))
            continue
        ways = " and ".join(step.ways) or "none"
        at = f"{step.at_s:>7.1f} s  {step.what:<24} {step.mode:<13}"
        print(f"  {at} gives: {ways:<15} {_list(step.events)}{_why(step)}")
        for one in step.wrong:
            print(f"             ✗ {one}")
    if not as_json:
        print("  ✗ not as declared" if wrong else "  ✓ as declared")
    return not wrong


def _why(step: "Played") -> str:
    told = [*(reason for reason in step.reasons if reason != "granted"), *(f"warns: {one}" for one in step.warnings)]
    return f"  [{', '.join(told)}]" if told else ""


def _list(events: Sequence[str]) -> str:
    return ", ".join(events) or "-"
