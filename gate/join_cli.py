"""`gate join`: from the bundle that the hub made to a gate that its broker lets in."""

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gate.joining import Joined

INSTALLED, INSTALLED_STATE = Path("/etc/portvakt"), Path("/var/lib/portvakt")


def add_commands(commands: Any) -> None:
    """Add `join` to the command line."""
    join = commands.add_parser("join", help="make this gate a member of its site, with the bundle of `hub enroll`")
    join.add_argument("bundle", metavar="BUNDLE", type=Path)
    join.add_argument("--config", metavar="FILE", type=Path, help="the gate's settings (default: as for `run`)")
    join.add_argument(
        "--state", metavar="DIR", type=Path, help="where the key will lie (default: the gate's state_dir)"
    )
    join.add_argument(
        "--force", action="store_true", help="set site, gate, hub and broker in settings that exist; keeps a copy"
    )
    join.add_argument("--wait", metavar="S", type=float, default=60.0, help="how long the hub may take (60)")
    by_file = join.add_mutually_exclusive_group()
    by_file.add_argument(
        "--request", metavar="FILE", type=Path, help="no network: write the request, for `hub enroll --sign`"
    )
    by_file.add_argument("--answer", metavar="FILE", type=Path, help="no network: take what `hub enroll --sign` wrote")
    join.add_argument("--json", action="store_true", help="for a machine to read")
    join.set_defaults(run=_join)


def _join(arguments: argparse.Namespace) -> int:
    from gate.errors import CertificateError
    from gate.joining import Joiner
    from gate.places import config_path
    from gate.uplink.contract import ContractError
    from portvakt import logs
    from portvakt.bundle import read_bundle
    from portvakt.files import replace_file

    logs.configure("error")
    bundle = read_bundle(arguments.bundle)
    settings = config_path(arguments.config)
    joiner = Joiner(bundle, settings, arguments.state or _state(settings), time.time_ns() // 1_000_000)
    joiner.check(force=arguments.force)
    if arguments.request is not None:
        try:
            replace_file(arguments.request, joiner.request(), 0o644)
        except OSError as refused:
            raise CertificateError(f"{arguments.request}: cannot be written ({refused.strerror})") from refused
        told = {"gate": bundle.gate, "request": str(arguments.request)}
        print(json.dumps(told) if arguments.json else f"{arguments.request}: at the hub: hub enroll --sign FILE")
        return 0
    if arguments.answer is not None:
        try:
            answer = joiner.opened(arguments.answer.read_bytes())
        except OSError as missing:
            raise CertificateError(f"{arguments.answer}: cannot be read ({missing.strerror})") from missing
        except ContractError as wrong:
            raise CertificateError(f"{arguments.answer}: {wrong}") from wrong
    else:
        answer = joiner.ask(arguments.wait)
    joined = joiner.settle(answer, force=arguments.force)
    if arguments.json:
        print(json.dumps(_facts(joined), ensure_ascii=False))
    else:
        _tell(bundle.gate, bundle.site, joined, arguments.bundle)
    return 0


def _state(settings: Path) -> Path:
    """Where the gate will look for what is its own: as the settings say, or as they will be installed."""
    if settings.exists():
        from gate.config import load_config, state_dir

        config = load_config(settings)
        if config.state_dir is not None or settings.parent != INSTALLED:
            return state_dir(config)
    if folder := os.environ.get("STATE_DIRECTORY"):
        return Path(folder)
    return INSTALLED_STATE if settings.parent == INSTALLED else Path("var/gate")


def _facts(joined: "Joined") -> dict[str, Any]:
    return {
        "certificate": str(joined.certificate),
        "ends_ms": joined.ends_ms,
        "settings": str(joined.settings),
        "settings_written": joined.wrote_settings,
        "to_set": {".".join(filter(None, key)): value for key, value in joined.to_set.items()},
    }


def _tell(gate: str, site: str, joined: "Joined", bundle: Path) -> None:
    until = time.strftime("%Y-%m-%d", time.localtime(joined.ends_ms / 1000))
    print(f"gate {gate} is a member of site {site}")
    print(f"  certificate  {joined.certificate}, until {until}; it renews itself")
    print(f"  settings     {joined.settings}{'' if joined.wrote_settings else ', left as they are'}")
    if not joined.wrote_settings:
        print("they have to say this (join again with a new bundle and --force, or by hand):")
        table = ""
        for (named, key), value in joined.to_set.items():
            if named != table:
                print(f"\n[{named}]")
                table = named
            print(f"{key} = {json.dumps(value)}")
        print()
    print(f"delete {bundle}: it is used up. Then: gate check-config, gate doctor; a running gate: restart it")
