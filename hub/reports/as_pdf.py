"""A report on paper: A4, landscape."""

from hub.paper import Paper
from hub.reports.report import Report, Table
from hub.reports.words import Word


def as_pdf(report: Report) -> bytes:
    """The pages. Raises PaperError when the machine has no font for them."""
    imprint = report.imprint
    made = imprint.say(Word.MADE, when=f"{imprint.local(imprint.made_ms):%Y-%m-%d %H:%M}")
    below = " · ".join(filter(None, (report.below, made)))
    paper = Paper(report.title, below, f"Portvakt · {imprint.site}", imprint.say(Word.PAGE), "landscape")
    paper.set_lang(imprint.language)
    paper.add_page()
    paper.pairs((one.label, imprint.shown(one.value, one.kind)) for one in report.facts)
    if report.notes:
        # First: who only looks at the first page has to know what the numbers are.
        paper.paragraph("\n".join(report.notes))
    for table in report.tables:
        _table(paper, table, report)
    return bytes(paper.output())


def _table(paper: Paper, table: Table, report: Report) -> None:
    imprint = report.imprint
    paper.part(table.heading)
    if not table.rows:
        paper.paragraph(imprint.say(Word.NOBODY))
        return
    used = table.used()
    columns = [table.columns[place] for place in used]
    rows, total = (
        [[imprint.shown(row[place], table.columns[place].kind) for place in used] for row in some]
        for some in (table.rows, [table.total] if table.total else [])
    )
    widths = [one.width for one in columns]
    paper.rows([one.heading for one in columns], rows, widths, total[0] if total else None)
