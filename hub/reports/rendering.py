"""A report in the kind of file that somebody wants."""

from hub.errors import PaperError
from hub.reports.as_csv import as_csv
from hub.reports.as_json import as_json
from hub.reports.as_text import as_text
from hub.reports.report import Report

FORMS = ("text", "json", "csv", "xlsx", "pdf")
ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv", ".xlsx": "xlsx", ".pdf": "pdf"}
"""What a file's name says of what is in it."""


def rendered(report: Report, form: str) -> bytes:
    """As one of `FORMS`. Raises PaperError where a library or a font for it is missing."""
    try:
        if form == "pdf":
            from hub.reports.as_pdf import as_pdf

            return as_pdf(report)
        if form == "xlsx":
            from hub.reports.as_xlsx import as_xlsx

            return as_xlsx(report)
    except ModuleNotFoundError as missing:
        raise PaperError(
            f"{missing.name} is not installed; install portvakt with the extra `hub`, or write another kind of file"
        ) from missing
    if form == "csv":
        return as_csv(report)
    if form == "json":
        return as_json(report)
    return as_text(report).encode() + b"\n"
