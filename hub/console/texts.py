"""All that the console says, in Norwegian (bokmål) and English, side by side. A table to review, no code.

Bokmål is the source. Short: the narrowest terminal has forty columns. `{}` are filled in.
"""

from enum import Enum


class Text(Enum):
    """Bokmål, English."""

    # --- pages and what stands above them
    GATES = ("Porter", "Gates")
    NOW = ("Nå", "Now")
    ON_SITE = ("Inne", "On site")
    WAITING = ("Venter", "Waiting")
    CREW = ("Mannskap", "Crew")
    MUSTER = ("Mønstring", "Muster")
    AUDIT = ("Logg", "Audit")
    LEGAL = ("§ 15", "§ 15")
    INSIDE = ("{n} inne", "{n} on site")
    ALARMS = ("{n} alarmer", "{n} alarms")
    ONE_ALARM = ("1 alarm", "1 alarm")
    MUSTER_RUNS = ("MØNSTRING PÅGÅR siden {at}: trykk {key}", "MUSTER SINCE {at}: press {key}")
    DEMONSTRATION = (
        "DEMONSTRASJON: alt her er oppdiktet",
        "DEMONSTRATION: all of this is invented",
    )
    DEMONSTRATION_OF_DELIVERIES = (
        "DEMONSTRASJON: oppdiktede mottakere",
        "DEMONSTRATION: invented targets",
    )
    AWAY = (
        "DATABASEN ER BORTE · bildet er {age} gammelt · {why}",
        "THE DATABASE IS AWAY · this picture is {age} old · {why}",
    )
    AWAY_AT_ONCE = (
        "DATABASEN ER BORTE · det finnes ikke noe bilde ennå · {why}",
        "THE DATABASE IS AWAY · there is no picture yet · {why}",
    )
    SILENT = ("den svarer ikke", "it does not answer")
    FAILED_TO_READ = ("KAN IKKE VISES · {why}", "CANNOT BE SHOWN · {why}")
    READING = ("Leser …", "Reading …")
    VIEWER = ("innsyn", "viewer")
    GUARD = ("vakt", "guard")
    MANAGER = ("leder", "manager")
    INSPECTOR = ("tilsyn", "inspector")
    NOT_YOURS = (
        "Som {role} kan du ikke gjøre dette. Rollen settes i [console] i hub.toml.",
        "As {role} you cannot do this. The role is set in [console] in hub.toml.",
    )

    # --- general keys
    HELP = ("hjelp", "help")
    QUIT = ("avslutt", "quit")
    COMMANDS = ("kommandoer", "commands")
    SEEK_COMMAND = ("Søk etter kommando …", "Search for a command …")
    LANGUAGE = ("English", "norsk")
    LIGHT = ("lys/mørk", "light/dark")
    SEARCH = ("søk", "search")
    SEARCH_FOR = ("Søk: navn, firma, kort", "Search: name, company, card")
    EXPLAIN = ("forklar", "explain")
    CLOSE = ("lukk", "close")
    CANCEL = ("avbryt", "cancel")
    DO_IT = ("utfør", "do it")
    NEXT_FIELD = ("neste felt", "next field")
    GO_TO = ("gå til {page}", "go to {page}")
    MOVE = ("flytt", "move")
    NEXT_PAGE = ("neste side", "next page")

    # --- help
    HELP_TITLE = ("Taster", "Keys")
    HELP_PAGE = ("På denne siden", "On this page")
    HELP_ALL = ("Overalt", "Everywhere")
    HELP_SIGNS = ("Tegn", "Signs")
    HELP_MOUSE = (
        "Musen virker også: klikk på en linje, en side eller en tast nederst.",
        "The mouse works too: click a line, a page or a key at the bottom.",
    )
    HELP_ROLE = ("Du er {user}, {role}.", "You are {user}, {role}.")
    SIGN_GOOD = ("i orden, sluppet inn", "in order, let in")
    SIGN_BAD = ("avvist, mangler, feil", "refused, missing, wrong")
    SIGN_WARN = ("se på dette", "look at this")
    SIGN_OFF = ("ikke tilkoblet, ikke krevd", "off line, not asked for")

    # --- columns
    COL_LANE = ("SLUSE", "LANE")
    COL_STATE = ("TILSTAND", "STATE")
    COL_LAST_BADGE = ("SISTE", "LAST")
    COL_LIST = ("LISTE", "LIST")
    COL_QUEUE = ("KØ", "QUEUE")
    COL_READERS = ("LESERE", "READERS")
    COL_CLOCK = ("KLOKKE", "CLOCK")
    COL_DISK = ("DISK", "DISK")
    COL_ALARMS = ("ALARMER", "ALARMS")
    COL_TIME = ("TID", "TIME")
    COL_GATE = ("PORT", "GATE")
    COL_WAY = ("VEI", "WAY")
    COL_ANSWER = ("SVAR", "ANSWER")
    COL_NAME = ("NAVN", "NAME")
    COL_COMPANY = ("FIRMA", "COMPANY")
    COL_CARD = ("KORT", "CARD")
    COL_SINCE = ("SIDEN", "SINCE")
    COL_SURE = ("HVOR SIKKERT", "HOW SURE")
    COL_ZONE = ("SONE", "ZONE")
    COL_TIMES = ("GANGER", "TIMES")
    COL_ROLE = ("ROLLE", "ROLE")
    COL_UNTIL = ("TIL OG MED", "UNTIL")
    COL_WHO = ("HVEM", "WHO")
    COL_WHAT = ("HVA", "WHAT")
    COL_WHY = ("HVORFOR", "WHY")
    COL_OUTCOME = ("UTFALL", "OUTCOME")
    COL_BORN = ("FØDT", "BORN")
    COL_ORGANISATION = ("ORG.NR.", "ORG. NO.")
    COL_MISSING = ("MANGLER", "MISSING")
    COL_SEEN = ("SETT", "SEEN")
    COL_REGISTER = ("KORTREGISTERET", "CARD REGISTER")

    # --- gates
    OFFLINE = ("frakoblet", "off line")
    AS_IT_WAS = (
        "frakoblet: dette er det siste porten meldte",
        "off line: this is the last that the gate has told",
    )
    NEVER_SAID = ("aldri meldt", "never spoke")
    NO_GATES = (
        "Ingen port har meldt seg ennå. Gi hver port stedets navn, megler og `hub key`.",
        "No gate has spoken yet. Give each gate this site's name, broker and `hub key`.",
    )
    NO_LANES = ("ingen sluse kjent", "no lane known")
    CLOCK_RIGHT = ("stilt", "set")
    CLOCK_WRONG = ("IKKE STILT", "NOT SET")
    DISK_FINE = ("ok", "ok")
    LIST_OLD = ("gammel", "old")
    LIST_NONE = ("ingen liste", "no list")
    READERS_FINE = ("ok {n}/{n}", "ok {n}/{n}")
    READER = ("leser {name}: {state}", "reader {name}: {state}")
    MUSTER_READER = ("møteplass {point}, leser {name}: {state}", "muster point {point}, reader {name}: {state}")
    MUSTER_POINT = ("møteplass", "muster point")
    LAST_READ = ("sist lest {at}", "last read {at}")
    LAST_WORD = ("sist hørt {at}", "last heard {at}")
    LIST_SAME = ("✓ liste {revision}, den gjeldende", "✓ list {revision}, the current one")
    LIST_OTHER = ("▲ liste {held}; den gjeldende er {current}", "▲ list {held}; the current one is {current}")
    RECORDS = (
        "journal: {made} skrevet, {stored} her, {missing} mangler",
        "journal: {made} made, {stored} here, {missing} missing",
    )
    MODE_NORMAL = ("normal", "normal")
    MODE_LOCKED = ("inn stengt", "locked down")
    MODE_HELD_OPEN = ("holdes åpen", "held open")
    MODE_FREE = ("fri", "free")
    MODE_OUT_OF_ORDER = ("ute av drift", "out of order")
    MODE_EVACUATED = ("EVAKUERT", "EVACUATED")
    KEY_OPEN = ("slipp inn én", "let one in")
    KEY_OPEN_OUT = ("slipp ut én", "let one out")
    KEY_HOLD = ("hold åpen", "hold open")
    KEY_LOCK = ("steng inn", "lock down")
    KEY_NORMAL = ("normal", "normal")
    KEY_LOCK_ALL = ("steng ALLE", "lock ALL")
    KEY_NORMAL_ALL = ("normal ALLE", "normal ALL")
    KEY_EVACUATE = ("EVAKUER", "EVACUATE")
    LOCK_ALL = ("Steng alle innganger?", "Lock down every entrance?")
    OPEN_ONE = ("Slippe én person inn gjennom {lane}?", "Let one person in through {lane}?")
    OPEN_ONE_OUT = ("Slippe én person ut gjennom {lane}?", "Let one person out through {lane}?")
    HOLD_ONE = ("Holde inngangen {lane} åpen?", "Hold the entrance {lane} open?")
    LOCK_ONE = ("Stenge inngangen {lane}?", "Lock down the entrance {lane}?")
    NORMAL_ONE = ("Sette {lane} tilbake til normal?", "Set {lane} back to normal?")
    NORMAL_ALL = ("Sette alle sluser tilbake til normal?", "Set every lane back to normal?")
    EVACUATE_ALL = ("EVAKUERE HELE BYGGEPLASSEN?", "EVACUATE THE WHOLE SITE?")
    WILL_OPEN = (
        "Slusen åpner for én person, uten kort. Passeringen føres som gjort for hånd, med ditt navn.",
        "The lane turns for one body, without a card. The passage is recorded as by hand, in your name.",
    )
    WILL_HOLD = (
        "Alle kan gå inn, også uten kort, til du setter slusen tilbake. De som går inn uten kort, står ikke på lista over hvem som er inne.",
        "Everybody may go in, with no card too, until you set the lane back. Who goes in without a card is not on the roster.",
    )
    WILL_LOCK = ("Ingen kommer inn. Alle kommer ut som før.", "Nobody gets in. Everybody gets out as before.")
    WILL_NORMAL = (
        "Slusen følger kortene igjen. Etter brann virker det ikke: den oppheves bare av en person ved porten.",
        "The lane goes by cards again. After a fire this does nothing: only a person at the gate ends that.",
    )
    WILL_EVACUATE = (
        "Hver sluse på {gates} blir fri begge veier. Mønstringen begynner med dem som er inne nå: {n}. Bare en person ved porten kan oppheve det.",
        "Every lane of {gates} turns free both ways. The muster begins with those inside now: {n}. Only a person at the gate can end it.",
    )
    NOT_HEARD = (
        "▲ {gates} er frakoblet og hører det ikke: send noen dit.",
        "▲ {gates} is off line and does not hear it: send somebody there.",
    )
    REASON = ("Begrunnelse", "Reason")
    NEEDED = ("må fylles ut", "has to be filled in")
    REASON_NEEDED = ("Begrunnelse (må fylles ut)", "Reason (needed)")
    NOTED_AS = ("Føres i loggen: {user}, nå, med begrunnelsen.", "Goes into the audit: {user}, now, with the reason.")
    NOTED_PLAIN = ("Føres i loggen: {user}, nå.", "Goes into the audit: {user}, now.")
    NO_GATE_CHOSEN = ("Ingen sluse er valgt.", "No lane is chosen.")
    NO_GATE_ON_LINE = ("Ingen port er på nett.", "No gate is on line.")

    # --- what the gate said
    ASKING = ("Spør porten …", "Asking the gate …")
    WORKING = ("Arbeider …", "Working …")
    GATE_DID = ("{lane}: utført etter {s} s", "{lane}: done after {s} s")
    GATE_REFUSED = ("{lane}: porten sier nei: {what}", "{lane}: the gate says no: {what}")
    GATE_SILENT = (
        "{lane}: ikke noe svar, og ordren gjelder ikke lenger. Kjører huben? Er porten på nett? Utførte den ordren likevel, står det i loggen når den er tilbake.",
        "{lane}: no answer, and the command is no longer valid. Is the hub running, is the gate on line? If it did carry it out, the audit shows it when it is back.",
    )
    LET_IN_PASSED = ("Gikk inn {at}, og står på lista over hvem som er inne.", "Went in at {at}, and is on the roster.")
    LET_IN_TURNED = (
        "Gikk ikke gjennom. Lista over hvem som er inne er uendret.",
        "Did not walk through. The roster is unchanged.",
    )
    LET_IN_UNSEEN = (
        "Passeringen er ikke sett ennå. Personen er ført som inne: ved brann skal heller én for mye letes etter.",
        "The passage has not been seen yet. The person is down as inside: at a fire, better one too many to look for.",
    )
    LIST_REACHED = (
        "Liste {revision} er hos alle porter på nett etter {s} s.",
        "List {revision} is at every gate on line after {s} s.",
    )
    LIST_ON_ITS_WAY = (
        "Liste {revision} er ikke hos {gates} ennå. Den kommer av seg selv når porten hører huben.",
        "List {revision} is not yet at {gates}. It gets there by itself when the gate hears the hub.",
    )
    NOT_PUBLISHED = (
        "Lagret, men går ikke ut før neste mannskapsliste: det finnes ingen liste, eller en port har en nyere enn huben.",
        "Kept, but it does not go out before the next crew list: there is none, or a gate holds a newer one than the hub.",
    )
    OTHER_CARDS = (
        "Samme person har også: {cards}. De er som før.",
        "The same person also holds: {cards}. They are as they were.",
    )
    NOW_ANSWERS = ("Portene svarer nå: {answer}", "The gates now answer: {answer}")

    # --- now
    NO_BADGES = (
        "Ingen utlesing ennå. Det første kortet står her innen et halvt sekund.",
        "No badge yet. The first card stands here within half a second.",
    )
    IN = ("inn", "in")
    OUT = ("ut", "out")
    LET_IN = ("sluppet inn", "let in")
    LET_OUT = ("sluppet ut", "let out")
    BY_HAND = ("for hånd, {by}", "by hand, {by}")
    UNKNOWN_PERSON = ("(ukjent kort)", "(unknown card)")
    NOBODY = ("(ikke på noen liste)", "(on no crew list)")
    NO_CARD = ("(ikke lesbart)", "(not readable)")
    FORCED = ("TVUNGET GJENNOM", "FORCED")
    TAILGATED = ("GIKK BAK EN ANNEN", "TAILGATED")
    SIDE_GATE = ("sideport åpnet: {what}", "side gate opened: {what}")
    MODE_BECAME = ("sluse: {mode} ({by})", "lane: {mode} ({by})")
    ALARM = ("alarm: {what}", "alarm: {what}")
    COMMAND_REFUSED = ("ordre avvist: {what}", "command refused: {what}")
    AT_MUSTER = ("ved møteplassen", "at muster point")
    MUSTER_UNREAD = ("møteplass: ikke lest", "muster: card not read")
    CLONE = ("kortet kan finnes to ganger", "the card may exist twice")
    KEY_REFUSED_ONLY = ("bare avviste", "refused only")
    KEY_EVERYTHING = ("alt", "everything")
    KEY_LET_IN = ("slipp inn én gang", "let in once")
    LIVE = ("direkte", "live")
    READING_BACK = ("eldre: Home for direkte, {n} nye", "older: Home for live, {n} new")
    READING_BACK_PLAIN = ("eldre: Home for direkte", "older: Home for live")
    ONLY_REFUSED = ("bare avviste", "refused only")
    CLOCK_NOT_SET = ("klokka var ikke stilt", "clock was not set")

    # --- on site
    NOBODY_INSIDE = ("Ingen er inne, så vidt portene har meldt.", "Nobody is on site, as far as the gates have told.")
    NOBODY_FOUND = ("Ingen treff for «{sought}».", "Nothing found for “{sought}”.")
    COUNTED = ("{n} personer, {companies} firmaer", "{n} people, {companies} companies")
    COUNTED_OF = ("{n} av {all}", "{n} of {all}")
    ONE_PERSON = ("1 person", "1 person")
    PEOPLE = ("{n} personer", "{n} people")
    SURE_CONFIRMED = ("sett av port", "seen by a gate")
    SURE_ASSUMED = ("portens klokke ikke stilt", "gate's clock not set")
    SURE_MANUAL = ("ført for hånd", "by hand")
    SURE_REPORTED = ("meldt av et annet system", "told by another system")
    OFF_LIST = ("ikke lenger på mannskapslista", "no longer on the crew list")
    NO_COMPANY = ("(uten firma)", "(no company)")
    KEY_CHECK_OUT = ("har gått ut", "has left")
    CHECK_OUT = ("Føre {name} som ute?", "Write {name} down as out?")
    WILL_CHECK_OUT = (
        "Står som inne siden {since}. Ingen port så personen gå ut; ordet ditt gjelder til en port ser noe annet.",
        "Is down as inside since {since}. No gate saw them leave; your word counts until a gate sees otherwise.",
    )
    CHECKED_OUT = ("{name} står nå som ute.", "{name} is now down as out.")
    STILL_INSIDE = (
        "Ført, men en senere passering gjelder: personen står fortsatt som inne.",
        "Kept, but a later passage counts: still down as inside.",
    )

    # --- waiting
    NOBODY_WAITS = (
        "Ingen venter. Ukjente kort som vil inn, kommer hit av seg selv.",
        "Nobody waits. Unknown cards that ask to come in turn up here by themselves.",
    )
    KEY_APPROVE = ("godkjenn", "approve")
    KEY_VISITOR = ("besøkende", "visitor")
    KEY_TURN_AWAY = ("avvis", "turn away")
    APPROVE = ("Godkjenne kortet {card}?", "Approve the card {card}?")
    APPROVE_VISITOR = ("Godkjenne {card} som besøkende?", "Approve {card} as a visitor?")
    EXTEND = ("Forlenge {name}?", "Extend {name}?")
    WILL_APPROVE = (
        "Portene slipper kortet inn til og med dagen du skriver. Neste mannskapsliste tar det ikke bort.",
        "The gates let the card in up to and including the day you write. The next crew list does not take it off.",
    )
    WILL_VISIT = (
        "Portene slipper inn kortet resten av dagen, som besøkende hos firmaet som tar imot.",
        "The gates let the card in until the end of the day, with the company that receives the visitor.",
    )
    TURN_AWAY = ("Avvise kortet {card}?", "Turn the card {card} away?")
    WILL_TURN_AWAY = (
        "Kortet venter ikke lenger. Kommer det igjen, venter det igjen.",
        "The card waits no longer. If it comes again, it waits again.",
    )
    TURNED_AWAY = ("{card} venter ikke lenger.", "{card} waits no longer.")
    TURNED_AWAY_AT = ("avvist {at}, kom igjen", "turned away {at}, came again")
    FIELD_COMPANY = ("Firma: org.nr. eller navn", "Company: org. number or name")
    FIELD_UNTIL = ("Til og med (ÅÅÅÅ-MM-DD)", "Until (YYYY-MM-DD)")
    FIELD_FIRST = ("Fornavn", "First name")
    FIELD_LAST = ("Etternavn", "Last name")
    FIELD_BORN = ("Født (ÅÅÅÅ-MM-DD)", "Born (YYYY-MM-DD)")
    FIELD_ROLE = ("Rolle", "Role")
    NO_SUCH_COMPANY = (
        "Finner ikke «{what}»: skriv organisasjonsnummeret, ni siffer.",
        "“{what}” is not known: write the organisation number, nine digits.",
    )
    SEVERAL_COMPANIES = ("«{what}» passer på flere: {names}. Skriv mer.", "“{what}” fits several: {names}. Write more.")

    # --- crew and explanations
    NO_CREW = (
        "Ingen mannskapsliste er tatt inn: hub crew import FIL",
        "No crew list was taken in: hub crew import FILE",
    )
    MORE_CREW = ("de første {n}; resten med hub why KORT", "the first {n}; the rest with hub why CARD")
    KEY_BLOCK = ("sperr kort", "block card")
    KEY_UNBLOCK = ("opphev sperre", "unblock")
    KEY_EXTEND = ("forleng", "extend")
    BLOCK = ("Sperre kortet {card} ved alle porter?", "Block the card {card} at every gate?")
    WILL_BLOCK = (
        "{name} kommer ikke inn ved noen port, hva listene enn sier. Ut kommer alle.",
        "{name} gets in at no gate, whatever the lists say. Everybody gets out.",
    )
    NOT_BLOCKED = ("{card} er ikke sperret.", "{card} is not blocked.")
    UNBLOCK = ("Oppheve sperren av {card}?", "Unblock the card {card}?")
    WILL_UNBLOCK = (
        "Kortet er igjen det mannskapslista sier. Sperret {at} av {by}: {why}",
        "The card is again what the crew list says. Blocked {at} by {by}: {why}",
    )
    WILL_UNBLOCK_PLAIN = ("Kortet er igjen det mannskapslista sier.", "The card is again what the crew list says.")
    WILL_BLOCK_ALL = (
        "«ja» nederst: også de andre byggeplassene våre sperrer det. De ser grunnen og hvem. Det oppheves her.",
        "“yes” below: our other sites block it too. They see the reason and who. It is lifted from here.",
    )
    WILL_UNBLOCK_ALL = (
        "De andre byggeplassene våre får vite det: det var sperret for alle.",
        "Our other sites hear of it: it was blocked for all.",
    )
    FIELD_ALL_SITES = ("Ved alle byggeplassene våre? (ja / nei)", "At every site of ours? (yes / no)")
    WORD_YES = ("ja", "yes")
    WORD_NO = ("nei", "no")
    YES_OR_NO = ("skriv ja eller nei", "write yes or no")
    BLOCKED_ALL_DONE = (
        "De andre byggeplassene får vite det så snart den sentrale megleren er nådd.",
        "The other sites hear of it as soon as the central broker is reached.",
    )
    OVERRULE = (
        "La sperren fra {origin} ikke gjelde for {card} her?",
        "Let the block of {card} by {origin} count no more here?",
    )
    WILL_OVERRULE = (
        "{by} ved {origin} sperret det for alle {at}: {why}. Her gjelder det ikke før det sperres på nytt der.",
        "{by} at {origin} blocked it for all sites {at}: {why}. It counts no more here until they block it anew.",
    )
    OVERRULED_DONE = (
        "Sperren fra {origin} gjelder ikke for {card} her.",
        "The block of {card} by {origin} counts no more here.",
    )
    BLOCKED_ELSEWHERE = (
        "Sperret for alle byggeplasser {at} av {by} ved {origin}: {why}",
        "Blocked for all sites {at} by {by} at {origin}: {why}",
    )
    BLOCK_WAITS = (
        "Sperren fra {origin} venter: mange på en gang (hub accept-blocks {origin})",
        "The block by {origin} waits: many at once (hub accept-blocks {origin})",
    )
    BLOCK_OVERRULED = (
        "Sperren fra {origin} gjelder ikke her: {by}, {at}: {why}",
        "The block by {origin} does not count here: {by}, {at}: {why}",
    )
    BLOCKED_DONE = ("{card} er sperret.", "{card} is blocked.")
    UNBLOCKED_DONE = ("{card} er ikke lenger sperret.", "{card} is no longer blocked.")
    APPROVED_DONE = ("{card} er godkjent til og med {until}.", "{card} is approved until {until}.")
    EXTENDED_DONE = ("{card} gjelder til og med {until}.", "{card} is valid until {until}.")
    WILL_EXTEND = (
        "Portene slipper kortet inn til og med dagen du skriver. Neste mannskapsliste bestemmer igjen: rett den også.",
        "The gates let the card in up to and including the day you write. The next crew list decides again: correct it too.",
    )
    KEY_PASS = ("gi kort", "give a pass")
    GIVE_PASS = ("Gi ut et av byggeplassens egne kort?", "Give out one of the site's own cards?")
    WILL_GIVE_PASS = (
        "For den som ikke har HMS-kort, med grunnen til det. Portene slipper kortet inn til og med dagen du skriver.",
        "For somebody without an HMS card, with the reason for that. The gates let the card in until the day you write.",
    )
    FIELD_PASS = ("Kortets nummer", "Number on the card")
    FIELD_BECAUSE = (
        "Hvorfor: applied (søkt), pupil (elev), placement (utplassert)",
        "Why: applied, pupil, placement",
    )
    AT_THE_GATE = ("Ved porten {gate} {at}: {answer}", "At gate {gate} {at}: {answer}")
    TODAY = ("I dag: {answer} (liste {revision})", "Today: {answer} (list {revision})")
    PENDING = (
        "Innstillingene ber om {answer}: hub rules apply gir det til portene.",
        "The settings ask for {answer}: hub rules apply gives it to the gates.",
    )
    NO_LIST = (
        "Ingen mannskapsliste er tatt inn, så ingen port kjenner noen.",
        "No crew list was ever taken in, so no gate knows anybody.",
    )
    FROM_ALL = ("Alt dette fra: {source}", "All of this from: {source}")
    FROM_REST = ("Det andre fra: {source}", "The rest from: {source}")
    MET = ("ja", "yes")
    UNMET = ("NEI", "NO")
    UNMET_WARNS = ("nei, slippes inn", "no, let in")
    NOT_ASKED = ("ikke krevd", "not asked for")
    PERIOD = ("Gjelder", "Valid")
    PERIOD_FROM_UNTIL = ("{first} til {last}", "{first} to {last}")
    CARD_EXPIRES = ("kortet utløper {day}", "the card expires {day}")
    REGISTER_SAYS = ("Kortregisteret sier: {said} ({at})", "The card register says: {said} ({at})")
    NOTHING_KNOWN = (
        "Huben vet ingenting om dette kortet: det står ikke på noen mannskapsliste.",
        "The hub knows nothing of this card: it is on no crew list.",
    )
    MENDS = ("Det som retter det:", "What mends it:")
    MENDS_ELSEWHERE = ("Rettes ikke her:", "Not mended here:")
    MEND_LIST = (
        "mannskapslista må si det; rett den og ta den inn på nytt",
        "the crew list has to say it; correct it and take it in again",
    )
    MEND_ISSUER = (
        "kortets utsteder har trukket det tilbake; arbeideren må få nytt kort",
        "the card's issuer has cancelled it; the worker needs a new card",
    )
    MEND_EXPIRED = (
        "kortet er utløpt; arbeidsgiveren må fornye det",
        "the card has expired; the employer has to renew it",
    )
    MEND_PERIOD = (
        "perioden på mannskapslista må forlenges, og lista tas inn på nytt",
        "the period on the crew list has to be extended, and the list taken in again",
    )
    MEND_UNREADABLE = (
        "kortet lot seg ikke lese; prøv igjen, eller se på det",
        "the card could not be read; try again, or look at it",
    )
    MEND_RULE = (
        "en regel ved porten sa nei; den gjelder neste gang også",
        "a rule at the gate said no; it will again next time",
    )
    MEND_MISMATCH = (
        "kortet er fra en annen arbeidsgiver enn lista sier",
        "the card is of another employer than the list says",
    )
    MEND_WEAK = (
        "det må vises et sterkere kort, som brikken i HMS-kortet",
        "a stronger credential has to be shown, such as the card's chip",
    )
    MEND_STALE = (
        "portens liste er for gammel; huben og nettet må nå porten",
        "the gate's list is too old; hub and network have to reach it",
    )
    ALLOWED_TODAY = ("Neste utlesing slipper inn.", "The next badge is let in.")
    LAST_BADGES = ("Siste utlesinger", "Last badges")
    DECIDED = ("Bestemt", "Decided")
    NEVER_SHOWN = (
        "Kortet er aldri vist ved en port, så vidt huben vet.",
        "Never shown at a gate, as far as this hub knows.",
    )
    LET_IN_ONCE = ("Slippe {name} inn én gang gjennom {lane}?", "Let {name} in once through {lane}?")
    WILL_LET_IN = (
        "{lane} åpner for én person. Når porten har sett personen gå gjennom, føres kortet som inne. Avvisningen står: neste gang sier porten nei igjen.",
        "{lane} turns for one body. When the person has walked through, the card is down as inside. The refusal stands: next time the gate says no again.",
    )
    NO_LANE_KNOWN = ("Slusen er ikke kjent.", "The lane is not known.")

    # --- muster
    NO_MUSTER = (
        "Det har ikke vært noen evakuering. Mønstringen begynner av seg selv når en port evakuerer.",
        "There has been no evacuation. The muster begins by itself when a gate evacuates.",
    )
    MUSTER_HEAD = ("{cause} ved {gate} {at} · {elapsed}", "{cause} at {gate} {at} · {elapsed}")
    MUSTER_CLOSED = (
        "{cause} ved {gate} {at} · avsluttet {closed} av {by}",
        "{cause} at {gate} {at} · closed {closed} by {by}",
    )
    CAUSE_FIRE = ("Brann", "Fire")
    CAUSE_EVACUATED = ("Evakuering", "Evacuation")
    LOOK_FOR = ("LET ETTER {n} av {all}", "LOOK FOR {n} of {all}")
    ALL_ACCOUNTED = ("ALLE {all} ER GJORT REDE FOR", "ALL {all} ARE ACCOUNTED FOR")
    OUTCOME_MISSING = ("MANGLER", "MISSING")
    OUTCOME_MAY_BE = ("KAN VÆRE INNE", "MAY BE INSIDE")
    OUTCOME_CAME_IN = ("GIKK INN ETTERPÅ", "WENT IN SINCE")
    OUTCOME_WENT_OUT = ("gikk ut", "went out")
    OUTCOME_LEFT = ("hadde gått før", "had left before")
    OUTCOME_SEEN = ("sett ute", "seen outside")
    SEEN_BY = ("{by} {at}", "{by} {at}")
    READER_OFF_LINE = (
        "▲ Leser ved {point}: port {gate} er frakoblet. Det den teller, kommer når den er tilbake.",
        "▲ Reader at {point}: gate {gate} is off line. What it counts comes when it is back.",
    )
    READER_NOT_WELL = (
        "▲ Leser {reader} ved {point}: {state}. Kryss av for hånd.",
        "▲ Reader {reader} at {point}: {state}. Tick off by hand.",
    )
    READER_CLOCK = (
        "▲ Leser ved {point}: klokka er ikke stilt, så kortene teller ikke ennå. Kryss av for hånd.",
        "▲ Reader at {point}: its clock is not set, so cards do not count yet. Tick off by hand.",
    )
    SEEN_AT_READER = ("{at} {point}", "{at} {point}")
    NOT_ON_LIST = ("utenom lista", "not on list")
    KEY_TICK = ("sett ute", "seen")
    KEY_UNTICK = ("ikke sett", "not seen")
    KEY_BY_COMPANY = ("etter firma", "by company")
    KEY_BY_OUTCOME = ("manglende først", "missing first")
    KEY_PRINT = ("skriv ut", "print")
    KEY_BADGES = ("kort", "by card")
    KEY_TICK_COMPANY = ("firma", "company")
    BADGES_TITLE = ("Kort ved møteplassen", "Cards at the assembly point")
    BADGES_BODY = (
        "En leser som skriver det den leser, som et tastatur, krysser av kort etter kort. Eller skriv nummeret, og trykk Enter.",
        "A reader that types what it reads, as a keyboard does, ticks off card after card. Or type the number, and press Enter.",
    )
    BADGED = ("{name}, {company}: sett ute", "{name}, {company}: seen outside")
    STILL_TO_FIND = ("{n} å lete etter", "{n} to look for")
    TICK_COMPANY = ("Krysse av alle fra {company}?", "Tick off everybody of {company}?")
    WILL_TICK_COMPANY = (
        "{n} meldes sett ute, i ditt navn: {names}. Gjør dette bare når noen har talt dem.",
        "{n} are put down as seen outside, in your name: {names}. Only do this when somebody has counted them.",
    )
    COMPANY_TICKED = ("{n} fra {company} er sett ute.", "{n} of {company} are seen outside.")
    KEY_CLOSE_MUSTER = ("ferdig", "close")
    CLOSE_MUSTER = ("Avslutte mønstringen?", "Close the muster?")
    WILL_CLOSE = (
        "Alle er gjort rede for. Lista beholdes som den er.",
        "Everybody is accounted for. The list is kept as it is.",
    )
    WILL_CLOSE_MISSING = (
        "{n} ER IKKE GJORT REDE FOR. De beholdes som savnet. Ikke gjør dette mens noen letes etter.",
        "{n} ARE NOT ACCOUNTED FOR. They are kept as missing. Do not do this while somebody is looked for.",
    )
    MUSTER_IS_CLOSED = ("Mønstringen er avsluttet.", "The muster is closed.")
    MUSTER_NOT_RUNNING = (
        "Mønstringen er avsluttet; ingen kan krysses av nå.",
        "The muster is closed; nobody can be ticked off now.",
    )
    PRINTED = ("Sendt til skriveren.", "Sent to the printer.")
    SAVED = (
        "Lagret som {file}. En skriver settes med [console] print_command.",
        "Saved as {file}. A printer is set with [console] print_command.",
    )
    NOT_PRINTED = (
        "Skriveren tok den ikke ({why}). Lagret som {file}.",
        "The printer did not take it ({why}). Saved as {file}.",
    )
    MUSTER_WARNING = (
        "Lista har dem portene har sett, ingen andre: den som kom inn bak en annen, mangler.",
        "It holds whom the gates have seen and nobody else: who came in behind another is not on it.",
    )

    # --- audit
    NOTHING_DONE = ("Ingen har gjort noe her ennå.", "Nobody has done anything here yet.")
    OUTCOME_DONE = ("utført", "done")
    OUTCOME_REFUSED = ("avvist", "refused")
    OUTCOME_WAITING = ("venter", "waiting")
    OUTCOME_UNANSWERED = ("uten svar", "unanswered")
    WORD_IN = ("ført som inne", "down as inside")
    WORD_OUT = ("ført som ute", "down as out")
    WORD_SEEN = ("krysset av: sett ute", "ticked off: seen outside")
    WORD_NOT_SEEN = ("avkrysning tatt tilbake", "tick taken back")
    DID_BLOCK = ("sperret kort", "blocked card")
    DID_UNBLOCK = ("opphevet sperre", "unblocked card")
    DID_OVERRULE = ("satte sperre fra annen plass til side", "overruled another site's block")
    DID_ACCEPT_BLOCK = ("godtok sperre fra annen plass", "accepted another site's block")
    DID_HOLD_BLOCK = ("sperre fra annen plass venter", "another site's block waits")
    DID_EXTEND = ("forlenget", "extended")
    DID_APPROVE = ("godkjente kort", "approved card")
    DID_TURN_AWAY = ("avviste kort", "turned card away")
    DID_IMPORT = ("tok inn mannskapsliste", "took in a crew list")
    DID_BACK = ("gikk tilbake til en mannskapsliste", "went back to a crew list")
    DID_RULES = ("tok krav i bruk", "applied requirements")
    DID_WAKE = ("prøvde mottaker igjen", "woke target")
    DID_RETRY = ("sendte igjen", "sent again")
    DID_GIVE_UP = ("ga opp å melde", "gave up telling")
    DID_OPEN = ("åpnet for én", "opened for one")
    ALL_LANES = ("alle sluser", "all lanes")

    # --- legal list
    NO_LEGAL = ("Ingen er på lista.", "Nobody is on the list.")
    LEGAL_HEAD = ("Oversiktsliste, byggherreforskriften § 15", "List of persons, byggherreforskriften § 15")
    LEGAL_COUNT = ("{n} personer, {companies} firmaer", "{n} people, {companies} companies")
    LEGAL_NO_SITE = ("Innstillingene sier ikke: {names}", "The settings do not say: {names}")
    VALID_PLAIN = ("gyldig", "valid")
    COL_VALID = ("KORT OG TILGANG", "CARD AND ACCESS")

    # --- deliveries
    DELIVERIES = ("Levering", "Deliveries")
    NO_TARGETS = (
        "Ingen sentrale systemer får vite noe: det finnes ingen [[targets]] i innstillingene.",
        "No central system is told anything: there is no [[targets]] in the settings.",
    )
    COL_TARGET = ("MOTTAKER", "TARGET")
    COL_WAITS = ("VENTER", "WAITS")
    COL_QUEUED = ("KØ DER", "QUEUED")
    COL_LATER = ("SENERE", "LATER")
    COL_ASIDE = ("AVVIST", "ASIDE")
    COL_OLDEST = ("ELDST / FRIST", "OLDEST / LIMIT")
    COL_TAKEN = ("SIST MOTTATT", "LAST TAKEN")
    COL_HAPPENED = ("HENDTE", "HAPPENED")
    COL_FIELD = ("FELT", "FIELD")
    COL_SAID = ("MOTTAKERENS ORD", "THE RECEIVER'S WORDS")
    TARGET_TOLD = ("har alt", "has everything")
    TARGET_REST = ("har alt annet", "has all else")
    TARGET_TELLING = ("får det nå", "is being told")
    TARGET_WAITING = ("NÅS IKKE", "NOT REACHED")
    TARGET_STOPPED = ("STOPPET", "STOPPED")
    TARGET_UNKNOWN = ("ikke begynt ennå", "not met yet")
    TARGET_LEFT = ("ikke lenger satt opp", "no longer set up")
    TARGET_LATE = ("FOR SENT", "LATE")
    NEVER = ("aldri", "never")
    TARGET_SAYS = ("{name} sier: {words}", "{name} says: {words}")
    TARGET_TRIES = (
        "{n} forsøk har feilet; neste {at}",
        "failed attempts: {n}; next {at}",
    )
    TARGET_LOOK = (
        "sist kontrollert {at}: {accepted} av {expected} mottatt, {open} venter, {aside} avvist, {missing} manglet",
        "last looked over {at}: {accepted} of {expected} taken, {open} waiting, {aside} aside, {missing} were missing",
    )
    ALARM_LATE = ("{subject}: noe har ventet for lenge", "{subject}: something has waited too long")
    ALARM_STOPPED = ("{subject} er stoppet", "{subject} has stopped")
    ALARM_ASIDE = ("{subject}: noe ble avvist", "{subject}: something was set aside")
    ALARM_SINCE = ("{what} · siden {at}", "{what} · since {at}")
    KEY_ASIDE = ("vis avviste", "show set aside")
    KEY_WAKE = ("prøv nå", "try now")
    KEY_RETRY = ("send igjen", "send again")
    KEY_RETRY_ALL = ("send ALLE igjen", "send ALL again")
    KEY_GIVE_UP = ("gi opp", "give up")
    ASIDE_HEAD = ("{name}: avvist", "{name}: set aside")
    ASIDE_NEWEST = ("de {n} nyeste av {all}", "the newest {n} of {all}")
    NOTHING_ASIDE = ("Ingenting er avvist.", "Nothing is set aside.")
    ASIDE_TRIED = ("forsøk: {n}, svart {at}", "attempts: {n}, answered {at}")
    RETRY_ONE = ("Sende {id} til {name} igjen?", "Send {id} to {name} again?")
    WILL_RETRY = (
        "Sendes én gang til, med det som er rettet siden, under samme nøkkel: mottakeren får det ikke to ganger.",
        "It goes out once more, as it now stands corrected, under the same key: the receiver does not get it twice.",
    )
    RETRY_EVERY = ("Sende alle {n} til {name} igjen?", "Send all {n} to {name} again?")
    RETRIED = ("{id} står i køen til {name} igjen.", "{id} is in the queue to {name} again.")
    RETRIED_ALL = ("{n} står i køen til {name} igjen.", "{n} are in the queue to {name} again.")
    WAKE = ("Prøve {name} igjen nå?", "Try {name} again now?")
    WILL_WAKE = (
        "Huben prøver med det samme. Er passordet fortsatt feil, stopper den igjen.",
        "The hub tries at once. If the password is still wrong, it stops again.",
    )
    WILL_TRY = (
        "Huben prøver med det samme. Feiler mottakeren igjen, venter huben på nytt.",
        "The hub tries at once. If the receiver fails again, the hub waits anew.",
    )
    WOKEN = ("{name} prøves igjen.", "{name} is tried again.")
    GIVE_UP = ("Aldri melde {id} til {name}?", "Never tell {name} of {id}?")
    WILL_GIVE_UP = (
        "{name} får aldri vite om dette, og det kan ikke angres her. Kontrakten kan kreve at alt er meldt.",
        "{name} never learns of this, and it cannot be taken back here. The contract may demand that everything is told.",
    )
    GIVEN_UP = ("{id} er gitt opp.", "{id} is given up.")

    # --- reports
    REPORTS = ("Rapporter", "Reports")
    PAPER_LIST15 = ("Oversiktsliste, § 15", "List of persons, § 15 (oversiktsliste)")
    PAPER_CHECKS = ("Signerte kontroller av § 15", "Signed checks of § 15")
    PAPER_CONTRACTORS = ("Samordningsliste", "Contractors (samordningsliste)")
    PAPER_HOURS_PERSON = ("Timer til stede, etter person", "Presence hours, by person")
    PAPER_HOURS_COMPANY = ("Timer til stede, etter firma", "Presence hours, by company")
    PAPER_HOURS_DAY = ("Timer til stede, etter dag", "Presence hours, by day")
    PAPER_SHARES = ("Fagarbeider- og lærlingandel", "Shares of skilled workers and apprentices")
    PAPER_MUSTER = ("Siste mønstring", "The last muster")
    PAPER_MUSTERS = ("Alle mønstringer", "Every muster")
    COL_REPORT = ("RAPPORT", "REPORT")
    COL_OF = ("FOR", "OF")
    OF_NOW = ("nå", "now")
    CHOSEN_PAPER = ("For {when} · filer som {form}", "Of {when} · files as {form}")
    KEY_SHOW = ("vis", "show")
    KEY_WRITE = ("skriv {form}-fil", "write {form} file")
    KEY_SIGN = ("signer § 15", "sign § 15")
    KEY_EARLIER = ("tidligere", "earlier")
    KEY_LATER = ("senere", "later")
    KEY_FORM = ("filtype", "kind of file")
    WRITTEN = ("Skrevet: {file}", "Written: {file}")
    LEGAL_CHECK = ("Daglig kontroll", "Daily check")
    SIGN_LIST = ("Signere at dagens oversiktsliste er kontrollert?", "Sign that the list of today has been checked?")
    WILL_SIGN = (
        "Navn, tidspunkt og et fingeravtrykk av innholdet beholdes. Endres lista etterpå, står det på den.",
        "Name, time and a fingerprint of its content are kept. When the list changes, it says so itself.",
    )
    FIELD_SIGNED_BY = ("Navn på den som har kontrollert (må fylles ut)", "Name of who has checked it (needed)")
    SIGNED = ("Signert av {by}: {n} personer, SHA-256 {digest}…", "Signed by {by}: {n} people, SHA-256 {digest}…")
    SIGNED_GAPS = ("{n} av dem mangler noe; se lista.", "{n} of them lack something; see the list.")

    # --- the day
    DAY = ("Dagen", "Day")
    KEY_TODAY = ("i dag", "today")
    PLOT_INSIDE = ("Inne gjennom dagen", "On site through the day")
    PLOT_BADGES = ("Utlesinger i minuttet", "Badges a minute")
    PLOT_REASONS = ("Avvist fordi", "Refused because")
    NO_BADGE_THAT_DAY = ("Ingen utlesing denne dagen.", "No badge on this day.")
    OTHER_REASONS = ("og {n} av andre grunner", "and {n} for other reasons")
    DAY_BADGES = (
        "{granted} sluppet gjennom, {refused} avvist ({share})",
        "{granted} let through, {refused} refused ({share})",
    )
    DAY_INSIDE = ("{last} inne {at} · flest {most} kl. {then}", "{last} on site at {at} · most {most} at {then}")
    DAY_BUSIEST = ("travlest {at}: {rate} i minuttet", "busiest at {at}: {rate} a minute")

    # --- ages
    SECONDS = ("{n} s", "{n} s")
    MINUTES = ("{n} min", "{n} min")
    HOURS = ("{n} t", "{n} h")
    DAYS = ("{n} d", "{n} d")
