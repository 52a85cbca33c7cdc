"""All that a lane says to a worker, side by side in five languages. A table to review, no code.

For whoever edits it: bokmål is the source. Say what to do, never whose fault it is; a headline has at
most 24 characters and a next step at most 80, so that both can be read at two metres. The forms of
address are those of the language's own building-site signs: `du` and imperative in Norwegian and
Polish, the polite plural in Lithuanian and Romanian.
"""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import TypeAlias

from gate.model import Reason


@unique
class Language(StrEnum):
    """Norwegian bokmål, English, Polish, Lithuanian, Romanian: BCP 47 primary tags."""

    NB = "nb"
    EN = "en"
    PL = "pl"
    LT = "lt"
    RO = "ro"


@unique
class Phrase(StrEnum):
    """The few words a lane needs apart from its answers."""

    GO = "go"
    STOP = "stop"
    WAIT = "wait"
    HOLD_STILL = "hold_still"
    SHOW_CARD = "show_card"
    GOODBYE = "goodbye"
    SAFE_HOME = "safe_home"
    SEE_OFFICE = "see_office"
    CARD_OUT_TOO = "card_out_too"
    MUSTER = "muster"
    COUNTED = "counted"
    COUNTED_STAY = "counted_stay"
    UNREAD_AT_MUSTER = "unread_at_muster"
    NOT_COUNTED = "not_counted"
    TELL_WARDEN = "tell_warden"


NB, EN, PL, LT, RO = Language.NB, Language.EN, Language.PL, Language.LT, Language.RO

Answer: TypeAlias = tuple[str, str]
"""A headline and the next step."""

ANSWERS: Mapping[Reason, Mapping[Language, Answer]] = {
    Reason.GRANTED: {
        NB: ("Velkommen", "Gå inn. Ha en trygg dag på jobb."),
        EN: ("Welcome", "Please walk through. Have a safe day."),
        PL: ("Witamy", "Możesz wejść. Bezpiecznego dnia pracy."),
        LT: ("Sveiki atvykę", "Prašome praeiti. Saugios darbo dienos."),
        RO: ("Bine ați venit", "Puteți trece. Vă dorim o zi de lucru în siguranță."),
    },
    Reason.UNREADABLE: {
        NB: ("Kunne ikke lese kortet", "Hold kortet stille mot leseren og prøv igjen."),
        EN: ("Card could not be read", "Hold the card still against the reader and try again."),
        PL: ("Nie odczytano karty", "Przyłóż kartę do czytnika, trzymaj ją nieruchomo i spróbuj ponownie."),
        LT: ("Kortelė nenuskaityta", "Laikykite kortelę prie skaitytuvo nejudindami ir bandykite dar kartą."),
        RO: ("Cardul nu a fost citit", "Țineți cardul nemișcat lângă cititor și încercați din nou."),
    },
    Reason.LANE_CLOSED: {
        NB: ("Inngangen er stengt", "Bruk en annen inngang, eller spør på byggeplasskontoret."),
        EN: ("Entrance closed", "Please use another entrance, or ask at the site office."),
        PL: ("Wejście zamknięte", "Skorzystaj z innego wejścia lub zapytaj w biurze budowy."),
        LT: ("Įėjimas uždarytas", "Eikite pro kitą įėjimą arba kreipkitės į statybvietės biurą."),
        RO: ("Intrarea este închisă", "Folosiți altă intrare sau întrebați la biroul de șantier."),
    },
    Reason.BLOCKED: {
        NB: ("Kortet er sperret", "Ta kontakt med byggeplasskontoret, så hjelper de deg."),
        EN: ("Card is blocked", "Please contact the site office. They will help you."),
        PL: ("Karta jest zablokowana", "Skontaktuj się z biurem budowy, tam otrzymasz pomoc."),
        LT: ("Kortelė užblokuota", "Kreipkitės į statybvietės biurą, ten jums padės."),
        RO: ("Cardul este blocat", "Luați legătura cu biroul de șantier. Acolo primiți ajutor."),
    },
    Reason.UNKNOWN_CARD: {
        NB: ("Kortet er ikke kjent her", "Registrer deg på byggeplasskontoret før du går inn."),
        EN: ("Card not known here", "Please register at the site office before you go in."),
        PL: ("Nieznana karta", "Zarejestruj się w biurze budowy przed wejściem."),
        LT: ("Nežinoma kortelė", "Prieš įeidami užsiregistruokite statybvietės biure."),
        RO: ("Card necunoscut", "Înregistrați-vă la biroul de șantier înainte de a intra."),
    },
    Reason.CANCELLED: {
        NB: ("Kortet er annullert", "Be arbeidsgiveren din om å bestille et nytt kort."),
        EN: ("Card is cancelled", "Please ask your employer to order a new card."),
        PL: ("Karta unieważniona", "Poproś pracodawcę o zamówienie nowej karty."),
        LT: ("Kortelė anuliuota", "Paprašykite darbdavio užsakyti naują kortelę."),
        RO: ("Cardul este anulat", "Cereți angajatorului să comande un card nou."),
    },
    Reason.EMPLOYER_MISMATCH: {
        NB: ("Annen arbeidsgiver", "Kortet gjelder en annen arbeidsgiver. Bruk riktig kort, eller spør kontoret."),
        EN: ("Different employer", "This card names another employer. Use the right card, or ask the office."),
        PL: ("Inny pracodawca", "To karta innego pracodawcy. Użyj właściwej lub zapytaj w biurze budowy."),
        LT: ("Kitas darbdavys", "Kortelėje nurodytas kitas darbdavys. Naudokite tinkamą arba klauskite biure."),
        RO: ("Alt angajator", "Cardul este de la alt angajator. Folosiți cardul corect sau întrebați la birou."),
    },
    Reason.WEAK_CREDENTIAL: {
        NB: ("Bruk selve kortet", "Hold kortet mot kortleseren. Andre måter godtas ikke her."),
        EN: ("Use the card itself", "Hold the card against the card reader. Other ways are not accepted here."),
        PL: ("Użyj samej karty", "Przyłóż kartę do czytnika. Inne sposoby nie są tu przyjmowane."),
        LT: ("Naudokite pačią kortelę", "Pridėkite kortelę prie skaitytuvo. Kiti būdai čia nepriimami."),
        RO: ("Folosiți cardul însuși", "Apropiați cardul de cititor. Alte metode nu sunt acceptate aici."),
    },
    Reason.EXPIRED: {
        NB: ("Kortet er utløpt", "Kortet har gått ut på dato. Be arbeidsgiveren din om å fornye det."),
        EN: ("Card has expired", "The date on the card has passed. Please ask your employer to renew it."),
        PL: ("Karta straciła ważność", "Termin ważności karty minął. Poproś pracodawcę o jej odnowienie."),
        LT: ("Kortelė nebegalioja", "Kortelės galiojimas baigėsi. Paprašykite darbdavio ją atnaujinti."),
        RO: ("Cardul a expirat", "Data de pe card a trecut. Cereți angajatorului să îl reînnoiască."),
    },
    Reason.NOT_ON_CREW_LIST: {
        NB: ("Ikke på mannskapslisten", "Be arbeidsgiveren din melde deg på, eller gå til byggeplasskontoret."),
        EN: ("Not on the crew list", "Please ask your employer to add you, or go to the site office."),
        PL: ("Brak na liście załogi", "Poproś pracodawcę o dopisanie do listy lub zgłoś się do biura budowy."),
        LT: ("Nesate darbuotojų sąraše", "Paprašykite darbdavio jus įtraukti arba kreipkitės į statybvietės biurą."),
        RO: ("Nu sunteți pe listă", "Cereți angajatorului să vă adauge sau mergeți la biroul de șantier."),
    },
    Reason.OUTSIDE_PERIOD: {
        NB: ("Utenfor avtalt periode", "Tilgangen din gjelder andre datoer. Spør på byggeplasskontoret."),
        EN: ("Outside your dates", "Your access is for other dates. Please ask at the site office."),
        PL: ("Poza okresem dostępu", "Twój dostęp obejmuje inne daty. Zapytaj w biurze budowy."),
        LT: ("Ne jūsų leidimo laikas", "Jūsų leidimas galioja kitomis dienomis. Klauskite statybvietės biure."),
        RO: ("În afara perioadei", "Accesul dvs. este pentru alte date. Întrebați la biroul de șantier."),
    },
    Reason.COMPANY_NOT_APPROVED: {
        NB: ("Firmaet er ikke godkjent", "Firmaet må godkjennes for denne byggeplassen. Snakk med lederen din."),
        EN: ("Company not approved", "Your company must be approved for this site. Please talk to your manager."),
        PL: ("Firma niezatwierdzona", "Firma musi zostać zatwierdzona na tej budowie. Porozmawiaj z przełożonym."),
        LT: ("Įmonė nepatvirtinta", "Jūsų įmonė turi būti patvirtinta šiai statybvietei. Kreipkitės į vadovą."),
        RO: ("Firma nu este aprobată", "Firma trebuie aprobată pentru acest șantier. Vorbiți cu șeful dvs."),
    },
    Reason.TRAINING_MISSING: {
        NB: ("Opplæring mangler", "Ta sikkerhetsopplæringen for plassen først. Kontoret viser deg hvor."),
        EN: ("Training missing", "Please take the site safety training first. The office will show you where."),
        PL: ("Brak szkolenia", "Najpierw odbądź szkolenie BHP dla tej budowy. Biuro budowy wskaże gdzie."),
        LT: ("Trūksta mokymų", "Pirma išklausykite statybvietės saugos instruktažą. Biuras parodys, kur."),
        RO: ("Lipsește instruirea", "Faceți mai întâi instruirea SSM a șantierului. Biroul vă arată unde."),
    },
    Reason.SHORT_REST: {
        NB: ("For kort hviletid", "Du må hvile mellom vaktene. Snakk med byggeplasskontoret."),
        EN: ("Rest too short", "You need rest between shifts. Please talk to the site office."),
        PL: ("Za krótki odpoczynek", "Między zmianami potrzebny jest odpoczynek. Zgłoś się do biura budowy."),
        LT: ("Per trumpas poilsis", "Tarp pamainų būtina pailsėti. Kreipkitės į statybvietės biurą."),
        RO: ("Odihnă prea scurtă", "Între ture trebuie să vă odihniți. Vorbiți cu biroul șantierului."),
    },
    Reason.OUTSIDE_HOURS: {
        NB: ("Plassen er stengt nå", "Kom igjen i åpningstiden, eller ring byggeplasskontoret."),
        EN: ("The site is closed now", "Please come back in opening hours, or call the site office."),
        PL: ("Budowa jest zamknięta", "Przyjdź w godzinach otwarcia albo zadzwoń do biura budowy."),
        LT: ("Statybvietė uždaryta", "Ateikite darbo laiku arba skambinkite į statybvietės biurą."),
        RO: ("Șantierul este închis", "Reveniți în programul de lucru sau sunați la biroul șantierului."),
    },
    Reason.ALREADY_INSIDE: {
        NB: ("Allerede registrert inne", "Kortet er ikke registrert ut. Byggeplasskontoret retter det for deg."),
        EN: ("Already checked in", "The card was not checked out. The site office will put it right for you."),
        PL: ("Wejście już zapisane", "Karta nie ma zapisanego wyjścia. Biuro budowy to poprawi."),
        LT: ("Jau užregistruota viduje", "Kortelės išėjimas neužregistruotas. Statybvietės biuras tai ištaisys."),
        RO: ("Sunteți deja înăuntru", "Ieșirea nu a fost înregistrată. Biroul de șantier va corecta."),
    },
    Reason.ZONE_FULL: {
        NB: ("Det er fullt her nå", "Vent til noen har gått ut, og prøv igjen."),
        EN: ("It is full here now", "Please wait until somebody has left, and try again."),
        PL: ("Brak wolnych miejsc", "Poczekaj, aż ktoś wyjdzie, i spróbuj ponownie."),
        LT: ("Vietų nėra", "Palaukite, kol kas nors išeis, ir bandykite dar kartą."),
        RO: ("Nu mai sunt locuri", "Așteptați să iasă cineva, apoi încercați din nou."),
    },
    Reason.COVER_MISSING: {
        NB: ("Vent på ansvarshavende", "Førstehjelper eller ansvarlig må gå inn først. Spør på kontoret."),
        EN: ("Wait for your warden", "A first-aider or warden must go in first. Please ask at the office."),
        PL: ("Czekaj na opiekuna", "Najpierw musi wejść ratownik lub osoba odpowiedzialna. Zapytaj w biurze."),
        LT: ("Laukite atsakingo", "Pirma turi įeiti pirmosios pagalbos ar atsakingas asmuo. Klauskite biure."),
        RO: ("Așteptați responsabilul", "Mai întâi intră prim-ajutorul sau responsabilul. Întrebați la birou."),
    },
    Reason.EXPIRES_SOON: {
        NB: ("Kortet går snart ut", "Be arbeidsgiveren din om å bestille nytt kort nå."),
        EN: ("Card expires soon", "Please ask your employer to order a new card now."),
        PL: ("Karta wkrótce wygaśnie", "Poproś pracodawcę, aby już teraz zamówił nową kartę."),
        LT: ("Kortelė tuoj nebegalios", "Paprašykite darbdavio jau dabar užsakyti naują kortelę."),
        RO: ("Cardul expiră curând", "Cereți angajatorului să comande acum un card nou."),
    },
    Reason.LIST_STALE: {
        NB: ("Listen er utdatert", "Det er ikke din feil. Si fra på byggeplasskontoret."),
        EN: ("List is out of date", "This is not your fault. Please tell the site office."),
        PL: ("Nieaktualna lista", "To nie twoja wina. Zgłoś to w biurze budowy."),
        LT: ("Pasenęs sąrašas", "Tai ne jūsų kaltė. Praneškite statybvietės biurui."),
        RO: ("Listă neactualizată", "Nu este vina dvs. Anunțați biroul de șantier."),
    },
    Reason.CLOCK_UNTRUSTED: {
        NB: ("Klokken er ikke stilt", "Porten vet ikke datoen. Det er ikke din feil; si fra på kontoret."),
        EN: ("Gate clock is not set", "The gate does not know the date. Not your fault; please tell the office."),
        PL: ("Zegar nieustawiony", "Bramka nie zna daty. To nie twoja wina, zgłoś to w biurze budowy."),
        LT: ("Nenustatytas laikrodis", "Vartai nežino datos. Tai ne jūsų kaltė, praneškite statybvietės biurui."),
        RO: ("Ceasul nu este setat", "Poarta nu știe data. Nu este vina dvs.; anunțați biroul de șantier."),
    },
}

PHRASES: Mapping[Phrase, Mapping[Language, str]] = {
    Phrase.GO: {NB: "Gå", EN: "Go", PL: "Idź", LT: "Eikite", RO: "Treceți"},
    Phrase.STOP: {NB: "Stopp", EN: "Stop", PL: "Stój", LT: "Sustokite", RO: "Stop"},
    Phrase.WAIT: {NB: "Vent litt", EN: "Please wait", PL: "Proszę czekać", LT: "Palaukite", RO: "Așteptați"},
    Phrase.HOLD_STILL: {
        NB: "Hold kortet stille",
        EN: "Hold the card still",
        PL: "Trzymaj kartę nieruchomo",
        LT: "Nejudinkite kortelės",
        RO: "Țineți cardul nemișcat",
    },
    Phrase.SHOW_CARD: {
        NB: "Vis kortet",
        EN: "Show your card",
        PL: "Przyłóż kartę",
        LT: "Pridėkite kortelę",
        RO: "Apropiați cardul",
    },
    Phrase.GOODBYE: {NB: "Ha en fin dag", EN: "Goodbye", PL: "Do widzenia", LT: "Viso gero", RO: "La revedere"},
    Phrase.SAFE_HOME: {
        NB: "Takk for i dag. Kom trygt hjem.",
        EN: "Thank you for today. Get home safely.",
        PL: "Dziękujemy za dzisiaj. Bezpiecznej drogi do domu.",
        LT: "Ačiū už darbą. Saugios kelionės namo.",
        RO: "Vă mulțumim pentru azi. Drum bun spre casă.",
    },
    Phrase.SEE_OFFICE: {
        NB: "Gå innom byggeplasskontoret før neste arbeidsdag.",
        EN: "Please see the site office before your next working day.",
        PL: "Zgłoś się do biura budowy przed następnym dniem pracy.",
        LT: "Prieš kitą darbo dieną užeikite į statybvietės biurą.",
        RO: "Treceți pe la biroul de șantier înainte de următoarea zi de lucru.",
    },
    Phrase.MUSTER: {
        NB: "Opprop: vis kortet",
        EN: "Roll call: show card",
        PL: "Zbiórka: przyłóż kartę",
        LT: "Patikra: kortelė čia",
        RO: "Apel: apropiați cardul",
    },
    Phrase.COUNTED: {
        NB: "Du er registrert",
        EN: "You are counted",
        PL: "Obecność zapisana",
        LT: "Užregistruota",
        RO: "Prezență înregistrată",
    },
    Phrase.COUNTED_STAY: {
        NB: "Bli på møteplassen til ansvarlig sier fra.",
        EN: "Stay at the assembly point until the warden tells you to go.",
        PL: "Pozostań w punkcie zbiórki, aż osoba odpowiedzialna pozwoli odejść.",
        LT: "Likite susitikimo vietoje, kol atsakingas asmuo leis išeiti.",
        RO: "Rămâneți la punctul de adunare până când responsabilul vă dă voie.",
    },
    Phrase.UNREAD_AT_MUSTER: {
        NB: "Du er ikke registrert ennå. Prøv igjen, eller si navnet til ansvarlig.",
        EN: "You are not counted yet. Try again, or tell the warden your name.",
        PL: "Obecność niezapisana. Spróbuj ponownie lub podaj nazwisko opiekunowi.",
        LT: "Dar neužregistruota. Bandykite dar kartą arba pasakykite vardą atsakingam.",
        RO: "Prezența nu este încă înregistrată. Încercați din nou sau spuneți numele.",
    },
    Phrase.NOT_COUNTED: {
        NB: "Ikke registrert",
        EN: "Not counted",
        PL: "Obecność niezapisana",
        LT: "Neužregistruota",
        RO: "Prezență neînregistrată",
    },
    Phrase.TELL_WARDEN: {
        NB: "Leseren kan ikke lagre. Si navnet ditt til ansvarlig på møteplassen.",
        EN: "This reader cannot keep it. Tell your name to the warden here.",
        PL: "Czytnik nie może zapisać. Podaj nazwisko osobie odpowiedzialnej.",
        LT: "Skaitytuvas negali įrašyti. Pasakykite vardą atsakingam asmeniui.",
        RO: "Cititorul nu poate salva. Spuneți numele dvs. responsabilului.",
    },
    Phrase.CARD_OUT_TOO: {
        NB: "Husk å bruke kortet også når du går ut.",
        EN: "Please remember to use your card on the way out, too.",
        PL: "Pamiętaj, aby użyć karty także przy wyjściu.",
        LT: "Nepamirškite pridėti kortelės ir išeidami.",
        RO: "Nu uitați să folosiți cardul și la ieșire.",
    },
}


MODE_WORDS: Mapping[str, Mapping[Language, str]] = {
    "locked": {
        NB: "Stengt. Bare utgang.",
        EN: "Closed. Exit only.",
        PL: "Zamknięte. Tylko wyjście.",
        LT: "Uždaryta. Tik išėjimas.",
        RO: "Închis. Numai ieșire.",
    },
    "out_of_order": {
        NB: "Ute av drift. Bare utgang.",
        EN: "Out of order. Exit only.",
        PL: "Nieczynne. Tylko wyjście.",
        LT: "Neveikia. Tik išėjimas.",
        RO: "Defect. Numai ieșire.",
    },
    "held_open": {
        NB: "Åpent. Gå inn.",
        EN: "Open. Walk in.",
        PL: "Otwarte. Wejdź.",
        LT: "Atidaryta. Įeikite.",
        RO: "Deschis. Intrați.",
    },
    "free": {
        NB: "Åpent. Gå gjennom.",
        EN: "Open. Walk through.",
        PL: "Otwarte. Przejdź.",
        LT: "Atidaryta. Praeikite.",
        RO: "Deschis. Treceți.",
    },
    "evacuated": {
        NB: "EVAKUER! Gå til møteplassen.",
        EN: "EVACUATE! Assembly point.",
        PL: "EWAKUACJA! Punkt zbiórki.",
        LT: "EVAKUACIJA! Susitikimo vieta.",
        RO: "EVACUARE! Punct de adunare.",
    },
}
"""What a lane says of itself while it is not in its ordinary mode (`gate.turnstile.Mode`)."""
