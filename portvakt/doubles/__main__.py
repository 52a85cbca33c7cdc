"""`python -m portvakt.doubles NAME --port N [--data FILE]`: a double of a central system, for trying things out."""

import argparse
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from portvakt.doubles.serving import Serving

DOUBLES = {
    "card-register": "portvakt.doubles.card_register:CardRegisterDouble",
    "companies": "portvakt.doubles.companies:CompaniesDouble",
    "chkbox": "portvakt.doubles.chkbox:chkbox",
    "ditio": "portvakt.doubles.ditio:ditio",
    "elrapp": "portvakt.doubles.elrapp:ElrappDouble",
    "hmsreg": "portvakt.doubles.hmsreg:HmsregDouble",
}
"""Each is made from a mapping (its data), and has `serving(port)`."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m portvakt.doubles", description="A double, not the real system.")
    parser.add_argument("double", choices=sorted(DOUBLES))
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; any free one without it")
    parser.add_argument("--data", metavar="FILE", type=Path, help="JSON; what is in it says the double's own page")
    options = parser.parse_args()
    try:
        data = json.loads(options.data.read_text(encoding="utf-8")) if options.data else {}
    except (OSError, ValueError) as wrong:
        parser.error(f"--data {options.data}: {wrong}")
    if not isinstance(data, dict):
        parser.error(f"--data {options.data}: is no JSON object")
    module, _, name = DOUBLES[options.double].partition(":")
    make: Callable[[Mapping[str, Any]], Any] = getattr(import_module(module), name)
    try:
        serving: Serving = make(data).serving(options.port)
    except OSError as taken:
        parser.exit(1, f"port {options.port}: {taken.strerror}\n")
    print(f"{options.double}: a double, on {serving.url}; Ctrl-C ends it", flush=True)
    serving.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
