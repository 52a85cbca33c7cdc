"""The list of § 15 as a table for a spreadsheet."""

import csv
import io

from hub.crew.csv_export import defused
from hub.list15 import List15


def list15_csv(found: List15) -> bytes:
    """One row for each person, for a spreadsheet: UTF-8 that says so, semicolons; no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        ("site", "address", "client", "first_name", "last_name", "date_of_birth", "hms_card", "no_card_because",
         "company_number", "company_name", "employer_number", "employer_name", "on_crew_list", "seen", "missing")
    )  # fmt: skip
    place = found.place
    for one in found.people:
        cells = (
            place.name, place.address, place.client, one.first_name, one.last_name, one.date_of_birth, one.card,
            one.because, one.company, one.company_name, one.employer, one.employer_name,
            "yes" if one.on_list else "no", "yes" if one.seen else "no", "; ".join(one.missing),
        )  # fmt: skip
        writer.writerow([defused(cell or "") for cell in cells])
    return out.getvalue().encode("utf-8-sig")
