"""What stands on reports, in Norwegian (bokmål) and English. A table to review, no code. The terms are the field's."""

from enum import Enum, unique

NB, EN = "nb", "en"
LANGUAGES = (NB, EN)


@unique
class Word(Enum):
    """Bokmål, English."""

    YES = ("ja", "yes")
    NO = ("nei", "no")
    MADE = ("laget {when}", "made {when}")
    PAGE = ("Side {{page}} av {{pages}}", "Page {{page}} of {{pages}}")
    TOTAL = ("Sum", "Total")
    NOBODY = ("Ingen.", "None.")
    NOTES = ("Merknader", "Notes")
    ABOUT = ("Om rapporten", "About")
    SITE = ("Byggeplass", "Site")
    ADDRESS = ("Adresse", "Address")
    CLIENT = ("Byggherre", "Client")
    MONTH = ("Måned", "Month")
    MISSING = ("mangler", "missing")

    # People and companies
    LAST_NAME = ("Etternavn", "Last name")
    FIRST_NAME = ("Fornavn", "First name")
    BORN = ("Født", "Born")
    HMS_CARD = ("HMS-kort", "HMS card")
    CARD = ("Kort", "Card")
    COMPANY = ("Virksomhet", "Company")
    NUMBER = ("Org.nr.", "Org. no.")
    EMPLOYER = ("Arbeidsgiver", "Employer")
    EMPLOYER_NUMBER = ("Arbeidsg. org.nr.", "Employer's org. no.")
    REMARK = ("Merknad", "Remark")
    PEOPLE = ("Personer", "People")
    COMPANIES = ("Virksomheter", "Companies")
    DAY = ("Dag", "Day")
    DAYS = ("Dager", "Days")
    NAME = ("Navn", "Name")
    UNKNOWN = ("(ukjent)", "(unknown)")

    # Oversiktsliste
    LIST15 = ("Oversiktsliste", "List of persons (oversiktsliste)")
    LIST15_LAW = ("Byggherreforskriften § 15", "Norwegian construction client regulations § 15")
    SEEN = ("Sett i porten", "Seen at a gate")
    CHECK = ("Daglig kontroll", "Daily check")
    CHECKED_TODAY = ("kontrollert i dag kl. {when} av {by}", "checked today at {when} by {by}")
    CHECKED_ON = ("kontrollert {when} av {by}", "checked {when} by {by}")
    CHANGED_SINCE = ("{checked}; listen er endret siden", "{checked}; the list has changed since")
    NOT_CHECKED_TODAY = ("ikke kontrollert i dag", "not checked today")
    NOT_CHECKED_ON = ("ikke kontrollert {day}", "not checked on {day}")
    DIGEST = ("SHA-256 av innholdet", "SHA-256 of the content")
    NO_NAME = ("navn mangler", "no name")
    NO_BIRTH = ("fødselsdato mangler", "no date of birth")
    NO_CARD = ("HMS-kort mangler, uten grunn", "no HMS card, and no reason given")
    NOT_LISTED = ("sett i porten, står ikke på mannskapslisten", "seen at a gate, on no crew list")
    APPLIED = ("HMS-kort er søkt om", "HMS card applied for")
    PUPIL = ("elev i praksis", "pupil on placement")
    PLACEMENT = (
        "utplassert (NAV, introduksjonsprogram)",
        "on placement (labour and welfare service, introduction programme)",
    )
    HIRED_FROM = ("innleid", "hired in")
    OFF_LIST = ("ikke lenger på mannskapslisten", "no longer on the crew list")
    PEOPLE_WITH_GAPS = (
        "{number} av {people} personer mangler opplysninger; se merknad",
        "{number} of {people} people lack something; see the remark",
    )
    CHECKS = ("Daglige kontroller av oversiktslisten", "Daily checks of the list of persons")
    AT = ("Tidspunkt", "At")
    BY = ("Kontrollert av", "Checked by")
    WHAT_MISSED = ("Manglet", "Was missing")
    SITE_NAME_MISSING = ("byggeplassens navn", "the site's name")
    SITE_ADDRESS_MISSING = ("adresse", "the address")
    SITE_CLIENT_MISSING = ("byggherre", "the client")

    # Samordningsliste
    COORDINATION = ("Samordningsliste", "Coordination list (samordningsliste)")
    COORDINATION_BELOW = ("Leverandører og leverandørkjede", "Contractors and contractor chain")
    LEVEL = ("Ledd", "Level")
    LOOP = ("ring", "loop")
    ENGAGED_BY = ("Engasjert av", "Engaged by")
    HIRED_IN = ("Herav innleid", "Of these hired in")
    HIRED_OUT = ("Leid ut til andre", "Hired out to others")
    APPROVED = ("Godkjent", "Approved")
    STARTBANK = ("StartBANK", "StartBANK")
    REGISTER = ("Enhetsregisteret", "Company register")
    REGISTER_OK = ("i orden", "in order")
    BANKRUPT = ("konkurs", "bankrupt")
    DISSOLVING = ("under avvikling", "being wound up")
    DELETED = ("slettet", "deleted")
    TOO_DEEP = ("for langt ned i kjeden", "too far down the chain")
    LEVEL_LIMIT = (
        "Ledd 0: engasjert av ingen på listen. Byggeplassen tillater inntil ledd {limit}; lenger ned: {number}.",
        "Level 0: engaged by nobody on the list. The site allows down to level {limit}; further down: {number}.",
    )
    IN_A_LOOP = (
        "Virksomheter som har engasjert hverandre i ring: {number}. Rett mannskapslisten.",
        "Companies that have engaged each other in a loop: {number}. Put the crew list right.",
    )
    HIRED_UNDER = (
        "Innleide står hos virksomheten som leier inn.",
        "Hired workers stand with the company that hires them.",
    )

    # Hours
    HOURS = ("Tilstedetimer", "Presence hours")
    HOURS_BY_PERSON = ("Tilstedetimer per person", "Presence hours by person")
    HOURS_BY_COMPANY = ("Tilstedetimer per virksomhet", "Presence hours by company")
    HOURS_BY_DAY = ("Tilstedetimer per dag", "Presence hours by day")
    PRESENCE = ("Tilstede (t:min)", "Presence (h:min)")
    ASSUMED = ("Herav antatt (t:min)", "Of these assumed (h:min)")
    OF_HIRED = ("Herav innleide (t:min)", "Of these hired in (h:min)")
    PERSON_DAYS = ("Persondager", "Person-days")
    NOT_WORKED = (
        "Tilstedetimer fra portene, ikke arbeidede timer: tiden mellom inn- og utpassering, med pauser.",
        "Presence hours by the gates, not worked hours: the time between entry and exit, breaks included.",
    )
    ASSUMED_MEANS = (
        "Antatt: utpasseringen ble glemt og lukket av byggeplassens regel, eller portens klokke var ikke stilt.",
        "Assumed: the exit was forgotten and closed by the site's rule, or the gate's clock had not been set.",
    )
    KNOWN_FROM = (
        "Ikke kjent før {day}: passeringer fra før det er slettet etter byggeplassens regler, og er ikke talt med.",
        "Not known before {day}: passages from before are deleted by the site's rules, and are not counted.",
    )
    ERASED = (
        "Personer som har bedt om å bli slettet, er ikke talt med.",
        "People who have asked to be erased are not counted.",
    )
    FROM_OTHERS = (
        "Av disse timene bygger {time} på det andre systemer på byggeplassen har meldt; ingen port har sett dem.",
        "Of these hours {time} rest on what other systems at the site have reported; no gate has seen them.",
    )
    LOST_EXITS = (
        "Utpasseringer uten kjent innpassering: {number}. Timene er ikke kjent og ikke talt med.",
        "Exits with no known entry: {number}. Their hours are not known and not counted.",
    )
    NOT_OVER = (
        "Måneden er ikke over: talt til {when}; {number} er fortsatt inne.",
        "The month is not over: counted up to {when}; still inside: {number}.",
    )
    AS_LISTED_NOW = (
        "Virksomhet og rolle er slik mannskapslisten sier i dag.",
        "Company and role are as the crew list says today.",
    )

    # Shares
    SHARES = ("Andel fagarbeidere og lærlinger", "Shares of skilled workers and apprentices")
    ROLES = ("Tilstedetimer etter rolle", "Presence hours by role")
    ROLE = ("Rolle", "Role")
    SHARE = ("Andel", "Share")
    SKILLED = ("fagarbeider", "skilled")
    APPRENTICE = ("lærling", "apprentice")
    UNSKILLED = ("ufaglært", "unskilled")
    TRAINING = ("under opplæring", "under training")
    ROLE_UNKNOWN = ("ukjent rolle", "role unknown")
    OTHER = ("annet arbeid (ikke i andelen)", "other work (not in the shares)")
    DEMANDS = ("Krav", "Requirements")
    DEMANDED = ("Krav minst", "Asked for, at least")
    AT_LEAST = ("Minst", "At least")
    AT_MOST = ("Høyst", "At most")
    VERDICT = ("Resultat", "Result")
    MET = ("oppfylt", "met")
    NOT_MET = ("ikke oppfylt", "not met")
    CANNOT_TELL = ("kan ikke sies", "cannot be told")
    SKILLED_SHARE = ("fagarbeidere", "skilled workers")
    APPRENTICE_SHARE = ("lærlinger", "apprentices")
    BY_COMPANY = ("Andeler per virksomhet", "Shares by company")
    ROLE_UNKNOWN_SHARE = ("Ukjent", "Unknown")
    UNKNOWN_COUNTED = (
        "Timer med ukjent rolle er med i summen. «Minst» regner ingen av dem med i andelen, «høyst» alle.",
        "Hours of an unknown role are in the sum. “At least” counts none of them to the share, “at most” all.",
    )
    UNKNOWN_WORDS = (
        "Ord for rolle som ingen har forklart: {words}. Se [reports] roles i hub.toml.",
        "Words for a role that nobody has explained: {words}. See [reports] roles in hub.toml.",
    )
    CONTRACT_SAYS = (
        "Kontrakten krever andeler av arbeidede timer; portene kjenner bare tilstedetimer.",
        "Contracts ask for shares of worked hours; the gates know presence hours alone.",
    )

    # Muster
    MUSTER = ("Evakueringsliste", "Muster list")
    FIRE = ("brann", "fire")
    EVACUATION = ("evakuering", "evacuation")
    CAUSE = ("Årsak", "Cause")
    TOLD_BY = ("Meldt av port", "Told by gate")
    BEGAN = ("Begynte", "Began")
    NOTICED = ("Meldt", "Told")
    CLOSED = ("Avsluttet", "Closed")
    CLOSED_BY = ("Avsluttet av", "Closed by")
    STILL_RUNS = ("pågår", "running")
    KNOWN_THEN = ("Inne, kjent da", "Inside, as known then")
    KNOWN_NOW = ("Inne, kjent nå", "Inside, as known now")
    UNACCOUNTED = ("Må finnes", "To look for")
    OUTCOME = ("Status", "Status")
    MISSING_PERSON = ("MÅ FINNES", "LOOK FOR")
    MAY_BE_INSIDE = ("KAN VÆRE INNE", "MAY BE INSIDE")
    CAME_IN = ("GIKK INN SIDEN", "WENT IN SINCE")
    WENT_OUT = ("gikk ut siden", "went out since")
    LEFT_BEFORE = ("var gått før", "had left before")
    SEEN_OUTSIDE = ("sett utenfor", "seen outside")
    ZONE = ("Sone", "Zone")
    SINCE = ("Inne siden", "Inside since")
    GATE = ("Port", "Gate")
    SURE = ("Hvor sikkert", "How sure")
    CONFIRMED = ("sett av port", "seen by a gate")
    ASSUMED_CLOCK = ("portens klokke var ikke stilt", "the gate's clock had not been set")
    CLOSED_BY_RULE = ("glemt utpassering, lukket av regel", "check-out forgotten, closed by rule")
    MANUAL = ("ført for hånd", "by hand")
    REPORTED = ("meldt av et annet system", "reported by another system")
    OUT_ASSUMED = ("Antatt ute", "Assumed out")
    LEFT_AT = ("Gikk", "Left")
    SEEN_AT = ("Sett utenfor", "Seen outside")
    SEEN_BY = ("Sett av", "Seen by")
    AFTER = ("Siden", "Since then")
    IN = ("inn", "in")
    OUT = ("ut", "out")
    BY_HAND = ("for hånd", "by hand")
    SEEN_BY_READER = ("leser {reader} ved {point}", "reader {reader} at {point}")
    NOT_ON_LIST = ("sto ikke på listen", "was not on the list")
    LATER_KNOWN = ("Kjent først siden", "Known only since")
    MUSTER_KNOWS = (
        "Listen har dem porter, kontor og andre systemer har sett: besøkende gjennom en åpen port står ikke på den.",
        "The list holds whom gates, office and other systems have seen: visitors through an open gate are not on it.",
    )
    MUSTERS = ("Evakueringer", "Musters")
    ID = ("Id", "Id")


def said(word: Word, language: str, **values: object) -> str:
    """The word in this language."""
    text = word.value[LANGUAGES.index(language)]
    return text.format(**values)
