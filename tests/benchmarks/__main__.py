"""`python -m tests.benchmarks [--quick]`: prints the table and writes bench.json."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    asking,
    badge,
    card,
    console,
    delivery,
    drain,
    feed,
    footprint,
    lists,
    numbers,
    scale,
    whereabouts,
)
from tests.benchmarks.figures import Figure, ratio

PARTS: tuple[Callable[[bool], Iterator[Figure]], ...] = (
    badge.measure,
    card.measure,
    drain.measure,
    feed.measure,
    delivery.measure,
    asking.measure,
    lists.measure,
    whereabouts.measure,
    console.measure,
    numbers.measure,
    scale.measure,
    footprint.measure,
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a look")
    quick = parser.parse_args().quick
    screen = Console(width=None if sys.stdout.isatty() else 120)
    figures: list[Figure] = []
    for part in PARTS:
        for figure in part(quick):
            screen.print(f"measured: {figure.name}", style="dim", highlight=False)
            figures.append(figure)
    screen.print(_table(figures))
    Path("bench.json").write_text(
        json.dumps(_report(figures, quick), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    screen.print("written: bench.json", style="dim")
    return 0


def _table(figures: list[Figure]) -> Table:
    table = Table(
        title=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", title_justify="left"
    )
    rows = {figure.name: str(number) for number, figure in enumerate(figures, start=1)}
    table.add_column("row", justify="right")
    table.add_column("what")
    for column in ("median", "p99", "unit", "n", "ratio"):
        table.add_column(column, justify="right")
    for figure in figures:
        times = ratio(figure, figures)
        table.add_row(
            rows[figure.name], figure.name, _number(figure.median), _number(figure.p99), figure.unit,
            str(len(figure.samples)), f"{times:.2f} × row {rows[figure.against or '']}" if times else "",
        )  # fmt: skip
    return table


def _number(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def _report(figures: list[Figure], quick: bool) -> dict[str, object]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "quick": quick,
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "n": len(figure.samples),
                "median": figure.median,
                "p99": figure.p99,
                "against": figure.against,
                "ratio": ratio(figure, figures),
            }
            for figure in figures
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
