"""`gate doctor`: the findings of `gate.doctor` for a person on a ladder, or for a machine."""

import argparse
import json
from typing import Any

from portvakt import logs

SIGNS = {"well": "✓", "warning": "!", "failed": "✗", "skipped": "–"}


def add_commands(commands: Any) -> None:
    """Add `doctor` to the command line."""
    doctor = commands.add_parser("doctor", help="look at this installation part by part, and say what to do")
    doctor.add_argument("--config", help="settings file (default: as for `run`)")
    doctor.add_argument("--card", action="store_true", help="also read a card at each reader; says when to hold it")
    doctor.add_argument("--wait", type=float, default=20.0, metavar="S", help="how long to wait for each card (20)")
    doctor.add_argument("--lanes", action="store_true", help="also move each relay; asks before every move")
    doctor.add_argument("--json", action="store_true", help="for a machine to read; implies neither --card nor --lanes")
    doctor.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from gate.config import load_config
    from gate.doctor import Finding, Wishes, examine
    from gate.places import config_path

    def hold_card(reader: str) -> bool:
        if arguments.card:
            print(f"  … hold a card to reader {reader} now")
        return bool(arguments.card)

    def move_lane(what: str) -> bool:
        return bool(arguments.lanes) and input(f"  ? {what}? Nobody in the lane? [y/N] ").strip().lower() == "y"

    # What the drivers log on the way stands in the findings already.
    logs.configure("critical")
    config = load_config(config_path(Path(arguments.config) if arguments.config else None))
    findings: list[Finding] = []
    for finding in examine(config, Wishes(hold_card, move_lane, card_wait_s=arguments.wait)):
        findings.append(finding)
        if not arguments.json:
            _print(finding)
    failed = sum(finding.state == "failed" for finding in findings)
    if arguments.json:
        rows = [{"part": f.part, "state": f.state, "says": f.says, "advice": f.advice} for f in findings]
        print(json.dumps({"ok": not failed, "findings": rows}, ensure_ascii=False, indent=2))
    else:
        print("everything that was looked at is in order" if not failed else f"{failed} to mend")
    return 1 if failed else 0


def _print(finding: Any) -> None:
    print(f"{SIGNS[finding.state]} {finding.part:<24} {finding.says}")
    if finding.advice:
        print(f"  {'':<24} → {finding.advice}")
