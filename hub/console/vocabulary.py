"""Words that gates, registers and the hub use, in Norwegian (bokmål) and English. Tables to review, no code."""

from collections.abc import Mapping

ANSWERS: Mapping[str, tuple[str, str]] = {
    "granted": ("slippes inn", "let in"),
    "unreadable": ("kortet ikke lesbart", "card not readable"),
    "lane_closed": ("inngangen stengt", "entrance closed"),
    "blocked": ("kortet er sperret", "card is blocked"),
    "unknown_card": ("ukjent kort", "unknown card"),
    "cancelled": ("kortet er trukket tilbake", "card was cancelled"),
    "employer_mismatch": ("annen arbeidsgiver på kortet", "other employer on the card"),
    "weak_credential": ("for svakt bevis", "credential too weak"),
    "expired": ("kortet er utløpt", "card has expired"),
    "not_on_crew_list": ("ikke på mannskapslista", "not on the crew list"),
    "outside_period": ("utenfor perioden", "outside the period"),
    "company_not_approved": ("firmaet ikke godkjent", "company not approved"),
    "training_missing": ("kurs eller opplæring mangler", "training missing"),
    "already_inside": ("står som inne", "down as inside already"),
    "zone_full": ("fullt", "zone is full"),
    "cover_missing": ("ansvarlig ikke på plass", "nobody in charge inside"),
    "short_rest": ("for kort hviletid", "rest too short"),
    "outside_hours": ("utenfor åpningstid", "outside the hours"),
    "expires_soon": ("utløper snart", "expires soon"),
    "list_stale": ("portens liste for gammel", "gate's list too old"),
    "clock_untrusted": ("portens klokke ikke stilt", "gate's clock not set"),
    "no_list": ("ingen liste", "no list"),
}
"""A gate's words for its answers (`gate.model.Reason`), as few as fit a line."""

REQUIREMENTS: Mapping[str, tuple[str, str]] = {
    "not_blocked": ("ikke sperret", "not blocked"),
    "card_valid": ("kortet er gyldig", "card is valid"),
    "crew_list": ("på mannskapslista", "on the crew list"),
    "company_approved": ("firmaet er godkjent", "company is approved"),
    "company_registered": ("firmaet er i orden i Enhetsregisteret", "company in order in the register"),
    "startbank": ("firmaet er i StartBANK", "company is in StartBANK"),
    "chain_level": ("ledd i leverandørkjeden", "level of the contractor chain"),
    "induction": ("sikkerhetsopplæring", "safety induction"),
    "qualification": ("kurs: {kind}", "qualification: {kind}"),
}
"""`hub.permits.examine`."""

REGISTER: Mapping[str, tuple[str, str]] = {
    "valid": ("gyldig", "valid"),
    "temporary": ("midlertidig", "temporary"),
    "expired": ("utløpt", "expired"),
    "blocked": ("sperret", "blocked"),
    "invalidated": ("ugyldiggjort", "invalidated"),
    "pending": ("bestilt", "ordered"),
    "unknown": ("ukjent", "unknown"),
    "other": ("annet", "other"),
}
"""`hub.card_answers.CardStatus`."""

LACKS: Mapping[str, tuple[str, str]] = {
    "not_listed": ("sett her, på ingen liste", "seen here, on no list"),
    "no_name": ("navn", "name"),
    "no_birth": ("fødselsdato", "date of birth"),
    "no_card": ("HMS-kort, uten grunn", "HMS card, no reason given"),
}
"""`hub.reports.oversiktsliste`."""

VALUES: Mapping[str, tuple[str, str]] = {
    "yes": ("ja", "yes"),
    "no": ("nei", "no"),
    "blocked": ("sperret", "blocked"),
    "loop": ("går i ring", "runs in a circle"),
}

READERS: Mapping[str, tuple[str, str]] = {
    "starting": ("starter", "starting"),
    "ok": ("ok", "ok"),
    "absent": ("borte", "absent"),
    "hung": ("henger", "hung"),
    "faulty": ("feil", "faulty"),
    "tampered": ("tuklet med", "tampered"),
}
"""`gate.model.ReaderState`."""

FORMS: Mapping[str, tuple[str, str]] = {
    "text": ("tekst", "text"),
}
"""Kinds of files (`hub.reports.rendering`) whose name is a word."""

REMARKS: Mapping[str, tuple[str, str]] = {
    "hmsreg-v1": (
        "mottatt betyr i kø hos HMSREG; ingen kan spørre dem hva som ble av det",
        "accepted is queued at HMSREG, which has no way to be asked what became of it",
    ),
    "hmsreg-v2": (
        "IKKE BEKREFTET: bygd etter en tredjeparts notater; avklar med HMSREG før bruk",
        "UNVERIFIED: built from a third party's notes; confirm with HMSREG before use",
    ),
}
"""`hub.central.registry`, by kind of target."""
