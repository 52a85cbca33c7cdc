"""A report for the screen."""

from hub.reports.report import Report, Table
from hub.reports.words import Word
from hub.tables import clean, table


def as_text(report: Report) -> str:
    """Heading, tables, notes."""
    imprint = report.imprint
    made = imprint.say(Word.MADE, when=f"{imprint.local(imprint.made_ms):%Y-%m-%d %H:%M}")
    lines = [" · ".join(filter(None, (report.title, report.below, imprint.site, made)))]
    lines += [f"{one.label}: {imprint.shown(one.value, one.kind)}" for one in report.facts if one.value is not None]
    parts = [clean_lines(lines)]
    parts += [_table(one, report) for one in report.tables]
    if report.notes:
        parts.append(clean_lines(report.notes))
    return "\n\n".join(parts)


def _table(one: Table, report: Report) -> str:
    imprint = report.imprint
    heading = clean(one.heading)
    if not one.rows:
        return f"{heading}\n{imprint.say(Word.NOBODY)}"
    rows = [*one.rows, *([one.total] if one.total else [])]
    shown = [[imprint.shown(cell, column.kind) for cell, column in zip(row, one.columns, strict=True)] for row in rows]
    return f"{heading}\n{table([column.heading for column in one.columns], shown)}"


def clean_lines(lines: list[str] | tuple[str, ...]) -> str:
    """One below the other, free of what would move a terminal's cursor."""
    return "\n".join(map(clean, lines))
