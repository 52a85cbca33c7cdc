"""python -m tests.simulation: live through some days of a site, or find out whether planted bugs are caught."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.mutants import CAUGHT, MUTANTS, Caught, hunt
from tests.simulation.site import Plan, live
from tests.simulation.world import Broken, World

SEEDS = 12
"""Within how many seeds every mutant must be caught."""


def main() -> int:
    arguments = _arguments()
    if arguments.mutants:
        caught = list(_hunted(arguments.seed))
        if arguments.remember:
            _remember(caught)
        return 1 if any(one.promise is None for one in caught) else 0
    plan = Plan(arguments.seed, arguments.days, arguments.gates, arguments.workers)
    started = time.monotonic()
    try:
        outcome = live(plan, print if arguments.trace else None, _day_over)
    except Broken as broken:
        print(*broken.tail, sep="\n")
        print(f"\n{broken.promise} broken: {broken.what}\nat {broken.at}, seed {broken.seed}; again with:")
        print(f"  python -m tests.simulation --seed {plan.seed} --days {plan.days} --gates {plan.gates} --trace")
        return 1
    print(_table(outcome.counts))
    print(f"{plan.days} days of {plan.gates} gates in {time.monotonic() - started:.1f} s")
    print(f"seed {plan.seed}, trace {outcome.digest} ({outcome.lines} lines)")
    print(outcome)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--gates", type=int, default=3)
    parser.add_argument("--workers", type=int, default=25, help="for each gate")
    parser.add_argument("--mutants", action="store_true", help="plant known bugs, one at a time")
    parser.add_argument("--remember", action="store_true", help="with --mutants: where make test looks first for each")
    parser.add_argument("--trace", action="store_true", help="print every line of the trace")
    return parser.parse_args()


def _hunted(first_seed: int) -> Iterator[Caught]:
    """A line of what caught each, as soon as it is known."""
    started = time.monotonic()
    survivors = 0
    search = partial(hunt, seeds=range(first_seed, first_seed + SEEDS), days=2, gates=3)
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for caught in processes.map(search, MUTANTS):
            survivors += caught.promise is None
            print(
                f"{caught.mutant:34} {caught.promise or 'SURVIVED':9} seed {caught.seed:<4} {caught.what[:90]}",
                flush=True,
            )
            yield caught
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants caught in {time.monotonic() - started:.1f} s")


def _remember(caught: Sequence[Caught]) -> None:
    seeds = {one.mutant: one.seed for one in caught if one.promise is not None}
    CAUGHT.write_text(json.dumps(seeds, indent=2, sort_keys=True) + "\n")


def _day_over(day: int, world: World) -> None:
    print(f"day {day + 1}: {world.counts['badges']} badges, {world.lines} lines", file=sys.stderr)


def _table(counts: Counter[str]) -> str:
    width = max(map(len, counts), default=0)
    return "\n".join(f"  {name:{width}}  {counts[name]:>8}" for name in sorted(counts))


if __name__ == "__main__":
    raise SystemExit(main())
