"""Run fuzzers; ends with 1 at the first finding, and says how to see it again."""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random

from tests.fuzz import cards, frames, qr, tracks, wiegand

FUZZERS: Mapping[str, Callable[[Random], str]] = {
    "tracks": tracks.one,
    "qr": qr.one,
    "frames": frames.one,
    "cards": cards.one,
    "wiegand": wiegand.one,
}


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(FUZZERS)} (default: all)")
    parser.add_argument("--count", type=int, default=10_000, help="inputs for each (10,000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same inputs (1)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="begin with input N, to see a finding again")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in FUZZERS:
            parser.error(f"there is no fuzzer {name!r}; there are {', '.join(FUZZERS)}")
    found = [name for name in arguments.names or FUZZERS if not run(name, arguments)]
    return 1 if found else 0


def run(name: str, arguments: argparse.Namespace) -> bool:
    """One fuzzer; False when it found something."""
    counted: Counter[str] = Counter()
    began = time.monotonic()
    step = max(1, arguments.count // 10)
    for turn in range(arguments.count):
        number = arguments.first + turn
        try:
            counted[FUZZERS[name](Random(arguments.seed << 32 | number))] += 1
        except Exception:  # a finding, of whatever kind
            traceback.print_exc()
            print(f"{name}: input {number}; again with: python -m tests.fuzz {name} --seed {arguments.seed} "
                  f"--first {number} --count 1")  # fmt: skip
            return False
        if (turn + 1) % step == 0 and sys.stderr.isatty():
            print(f"\r{name}: {turn + 1:,} of {arguments.count:,}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    words = ", ".join(f"{count:,} {word}" for word, count in sorted(counted.items()))
    print(f"{name}: {arguments.count:,} inputs in {time.monotonic() - began:.0f} s, no exception: {words}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
