"""What a benchmark yields: samples with a unit, and against what they are held."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `against` names another row; the ratio of the medians is shown."""

    name: str
    unit: str
    samples: Sequence[float]
    against: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p99(self) -> float:
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def ratio(figure: Figure, figures: Sequence[Figure]) -> float | None:
    """The figure's median over that of the one it is held against."""
    base = next((other for other in figures if other.name == figure.against), None)
    return figure.median / base.median if base is not None and base.median else None
