"""What a worker reads about the records held of him or her, in five languages. A table to review, no code.

Bokmål is the source, and what is used where the language is not one of these. Plain words: the reader is no lawyer.
"""

from collections.abc import Mapping
from enum import StrEnum, unique

NB, EN, PL, LT, RO = "nb", "en", "pl", "lt", "ro"


@unique
class Text(StrEnum):
    """Headings, labels and sentences."""

    TITLE = "title"
    MADE = "made"
    INTRO = "intro"
    YOU = "you"
    NAME = "name"
    BORN = "born"
    LANGUAGE = "language"
    CARDS = "cards"
    CARD = "card"
    EMPLOYER = "employer"
    EXPIRES = "expires"
    ROLE = "role"
    PERIOD = "period"
    ON_LIST = "on_list"
    INDUCTION = "induction"
    GROUPS = "groups"
    YES = "yes"
    NO = "no"
    NOW = "now"
    INSIDE = "inside"
    OUTSIDE = "outside"
    PASSAGES = "passages"
    TIME = "time"
    GATE = "gate"
    WHAT = "what"
    NOTE = "note"
    WENT_IN = "went_in"
    WENT_OUT = "went_out"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    TURNED_BACK = "turned_back"
    AT_MUSTER = "at_muster"
    CHIP = "chip"
    MUSTERS = "musters"
    SEEN = "seen"
    NOT_SEEN = "not_seen"
    OTHERS = "others"
    KEPT = "kept"
    KEPT_PASSAGES = "kept_passages"
    KEPT_MUSTERS = "kept_musters"
    KEPT_LIST = "kept_list"
    KEPT_LIST_UNTIL = "kept_list_until"
    NOTHING = "nothing"
    PAGE = "page"


TEXTS: Mapping[Text, Mapping[str, str]] = {
    Text.TITLE: {
        NB: "Dette er lagret om deg",
        EN: "What is stored about you",
        PL: "Co o Tobie przechowujemy",
        LT: "Kas apie Jus saugoma",
        RO: "Ce date sunt păstrate despre dumneavoastră",
    },
    Text.MADE: {
        NB: "Byggeplass {site}, laget {when}",
        EN: "Building site {site}, made {when}",
        PL: "Plac budowy {site}, sporządzono {when}",
        LT: "Statybvietė {site}, parengta {when}",
        RO: "Șantierul {site}, întocmit la {when}",
    },
    Text.INTRO: {
        NB: "Her står alt som adgangssystemet på byggeplassen har lagret om deg. Du har rett til å se det, til å "
        "få rettet feil og til å klage til Datatilsynet. Det er lagret for å vite hvem som er på plassen, og "
        "fordi loven krever en liste over alle som arbeider der. Det skal ikke brukes til å kontrollere "
        "hvordan du arbeider.",
        EN: "This is everything that the site's access system has stored about you. You have the right to see it,"
        " to have mistakes corrected, and to complain to the Norwegian Data Protection Authority "
        "(Datatilsynet). It is stored to know who is on the site, and because the law asks for a list of "
        "everybody who works there. It is not to be used to check how you work.",
        PL: "To wszystko, co system kontroli dostępu na budowie przechowuje na Twój temat. Masz prawo to "
        "zobaczyć, żądać poprawienia błędów i złożyć skargę do norweskiego urzędu ochrony danych "
        "(Datatilsynet). Dane są przechowywane, aby wiedzieć, kto jest na budowie, i dlatego, że prawo wymaga"
        " listy wszystkich pracujących. Nie wolno ich używać do kontrolowania, jak pracujesz.",
        LT: "Čia yra viskas, ką statybvietės įeigos sistema apie Jus saugo. Jūs turite teisę tai matyti, prašyti "
        "ištaisyti klaidas ir pateikti skundą Norvegijos duomenų apsaugos tarnybai (Datatilsynet). Duomenys "
        "saugomi tam, kad būtų žinoma, kas yra statybvietėje, ir todėl, kad įstatymas reikalauja visų ten "
        "dirbančiųjų sąrašo. Jų negalima naudoti tikrinant, kaip Jūs dirbate.",
        RO: "Acestea sunt toate datele pe care sistemul de acces al șantierului le păstrează despre "
        "dumneavoastră. Aveți dreptul să le vedeți, să cereți corectarea greșelilor și să depuneți plângere "
        "la autoritatea norvegiană pentru protecția datelor (Datatilsynet). Datele sunt păstrate pentru a ști"
        " cine se află pe șantier și pentru că legea cere o listă a tuturor celor care lucrează acolo. Ele nu"
        " pot fi folosite pentru a verifica cum lucrați.",
    },
    Text.YOU: {
        NB: "Om deg",
        EN: "About you",
        PL: "O Tobie",
        LT: "Apie Jus",
        RO: "Despre dumneavoastră",
    },
    Text.NAME: {
        NB: "Navn",
        EN: "Name",
        PL: "Imię i nazwisko",
        LT: "Vardas ir pavardė",
        RO: "Nume",
    },
    Text.BORN: {
        NB: "Fødselsdato",
        EN: "Date of birth",
        PL: "Data urodzenia",
        LT: "Gimimo data",
        RO: "Data nașterii",
    },
    Text.LANGUAGE: {
        NB: "Språk",
        EN: "Language",
        PL: "Język",
        LT: "Kalba",
        RO: "Limba",
    },
    Text.CARDS: {
        NB: "Kort og arbeid",
        EN: "Cards and work",
        PL: "Karty i praca",
        LT: "Kortelės ir darbas",
        RO: "Carduri și muncă",
    },
    Text.CARD: {
        NB: "Kort",
        EN: "Card",
        PL: "Karta",
        LT: "Kortelė",
        RO: "Card",
    },
    Text.EMPLOYER: {
        NB: "Arbeidsgiver",
        EN: "Employer",
        PL: "Pracodawca",
        LT: "Darbdavys",
        RO: "Angajator",
    },
    Text.EXPIRES: {
        NB: "Kortet utløper",
        EN: "Card expires",
        PL: "Karta ważna do",
        LT: "Kortelė galioja iki",
        RO: "Cardul expiră",
    },
    Text.ROLE: {
        NB: "Arbeid",
        EN: "Work",
        PL: "Praca",
        LT: "Darbas",
        RO: "Muncă",
    },
    Text.PERIOD: {
        NB: "Periode",
        EN: "Period",
        PL: "Okres",
        LT: "Laikotarpis",
        RO: "Perioada",
    },
    Text.ON_LIST: {
        NB: "På mannskapslisten",
        EN: "On the crew list",
        PL: "Na liście załogi",
        LT: "Darbuotojų sąraše",
        RO: "Pe lista echipei",
    },
    Text.INDUCTION: {
        NB: "Sikkerhetsgjennomgang",
        EN: "Safety induction",
        PL: "Szkolenie BHP",
        LT: "Saugos instruktažas",
        RO: "Instructaj de siguranță",
    },
    Text.GROUPS: {
        NB: "Grupper",
        EN: "Groups",
        PL: "Grupy",
        LT: "Grupės",
        RO: "Grupuri",
    },
    Text.YES: {
        NB: "ja",
        EN: "yes",
        PL: "tak",
        LT: "taip",
        RO: "da",
    },
    Text.NO: {
        NB: "nei",
        EN: "no",
        PL: "nie",
        LT: "ne",
        RO: "nu",
    },
    Text.NOW: {
        NB: "Sist sett",
        EN: "Last seen",
        PL: "Ostatnio widziano",
        LT: "Paskutinį kartą matyta",
        RO: "Văzut ultima dată",
    },
    Text.INSIDE: {
        NB: "inne siden {when}",
        EN: "inside since {when}",
        PL: "na terenie od {when}",
        LT: "viduje nuo {when}",
        RO: "înăuntru din {when}",
    },
    Text.OUTSIDE: {
        NB: "ute siden {when}",
        EN: "outside since {when}",
        PL: "poza terenem od {when}",
        LT: "išorėje nuo {when}",
        RO: "afară din {when}",
    },
    Text.PASSAGES: {
        NB: "Passeringer",
        EN: "Passages",
        PL: "Przejścia",
        LT: "Praėjimai",
        RO: "Treceri",
    },
    Text.TIME: {
        NB: "Tid",
        EN: "Time",
        PL: "Czas",
        LT: "Laikas",
        RO: "Ora",
    },
    Text.GATE: {
        NB: "Port",
        EN: "Gate",
        PL: "Bramka",
        LT: "Vartai",
        RO: "Poarta",
    },
    Text.WHAT: {
        NB: "Hva",
        EN: "What",
        PL: "Co",
        LT: "Kas",
        RO: "Ce",
    },
    Text.NOTE: {
        NB: "Merknad",
        EN: "Note",
        PL: "Uwaga",
        LT: "Pastaba",
        RO: "Observație",
    },
    Text.WENT_IN: {
        NB: "Gikk inn",
        EN: "Went in",
        PL: "Wejście",
        LT: "Įėjo",
        RO: "Intrare",
    },
    Text.WENT_OUT: {
        NB: "Gikk ut",
        EN: "Went out",
        PL: "Wyjście",
        LT: "Išėjo",
        RO: "Ieșire",
    },
    Text.ACCEPTED: {
        NB: "Kort godtatt",
        EN: "Card accepted",
        PL: "Karta przyjęta",
        LT: "Kortelė priimta",
        RO: "Card acceptat",
    },
    Text.REFUSED: {
        NB: "Kort avvist",
        EN: "Card refused",
        PL: "Karta odrzucona",
        LT: "Kortelė atmesta",
        RO: "Card respins",
    },
    Text.TURNED_BACK: {
        NB: "Gikk ikke gjennom",
        EN: "Did not walk through",
        PL: "Nie przeszedł(-a)",
        LT: "Nepraėjo",
        RO: "Nu a trecut",
    },
    Text.AT_MUSTER: {
        NB: "Kort vist på møteplassen",
        EN: "Card shown at the assembly point",
        PL: "Karta okazana w punkcie zbiórki",
        LT: "Kortelė parodyta susitikimo vietoje",
        RO: "Card arătat la punctul de adunare",
    },
    Text.CHIP: {
        NB: "Brikkens serienummer",
        EN: "Serial number of the chip",
        PL: "Numer seryjny układu",
        LT: "Lusto serijos numeris",
        RO: "Numărul de serie al cipului",
    },
    Text.MUSTERS: {
        NB: "Evakueringer",
        EN: "Evacuations",
        PL: "Ewakuacje",
        LT: "Evakuacijos",
        RO: "Evacuări",
    },
    Text.SEEN: {
        NB: "sett utenfor {when} av {who}",
        EN: "seen outside {when} by {who}",
        PL: "widziano na zewnątrz {when}, potwierdza {who}",
        LT: "matyta lauke {when}, patvirtino {who}",
        RO: "văzut afară {when} de {who}",
    },
    Text.NOT_SEEN: {
        NB: "likevel ikke sett, {when}, {who}",
        EN: "not seen after all, {when}, {who}",
        PL: "jednak nie widziano, {when}, {who}",
        LT: "vis dėlto nematyta, {when}, {who}",
        RO: "totuși nevăzut, {when}, {who}",
    },
    Text.OTHERS: {
        NB: "Annet som er lagret",
        EN: "What else is stored",
        PL: "Inne przechowywane dane",
        LT: "Kiti saugomi duomenys",
        RO: "Alte date păstrate",
    },
    Text.KEPT: {
        NB: "Hvor lenge det lagres",
        EN: "How long it is kept",
        PL: "Jak długo są przechowywane",
        LT: "Kiek laiko saugoma",
        RO: "Cât timp sunt păstrate",
    },
    Text.KEPT_PASSAGES: {
        NB: "Passeringer slettes etter {days} dager.",
        EN: "Passages are deleted after {days} days.",
        PL: "Przejścia są usuwane po upływie dni: {days}.",
        LT: "Praėjimai ištrinami praėjus tiek dienų: {days}.",
        RO: "Trecerile sunt șterse după {days} zile.",
    },
    Text.KEPT_MUSTERS: {
        NB: "Evakueringslister slettes etter {days} dager.",
        EN: "Evacuation lists are deleted after {days} days.",
        PL: "Listy ewakuacyjne są usuwane po upływie dni: {days}.",
        LT: "Evakuacijos sąrašai ištrinami praėjus tiek dienų: {days}.",
        RO: "Listele de evacuare sunt șterse după {days} zile.",
    },
    Text.KEPT_LIST: {
        NB: "Oversiktslisten (navn, fødselsdato, arbeidsgiver, kortnummer) skal etter byggherreforskriften § 15 "
        "oppbevares i seks måneder etter at byggearbeidet er avsluttet. Deretter slettes den.",
        EN: "The list of everybody who works here (name, date of birth, employer, card number) must by "
        "byggherreforskriften § 15 be kept for six months after the work has ended. Then it is deleted.",
        PL: "Wykaz wszystkich pracujących (imię i nazwisko, data urodzenia, pracodawca, numer karty) musi zgodnie"
        " z byggherreforskriften § 15 być przechowywany przez sześć miesięcy po zakończeniu budowy. Potem "
        "jest usuwany.",
        LT: "Visų dirbančiųjų sąrašas (vardas, gimimo data, darbdavys, kortelės numeris) pagal "
        "byggherreforskriften § 15 turi būti saugomas šešis mėnesius po darbų pabaigos. Po to jis ištrinamas.",
        RO: "Lista tuturor celor care lucrează aici (nume, data nașterii, angajator, numărul cardului) trebuie "
        "păstrată, conform byggherreforskriften § 15, șase luni după încheierea lucrărilor. Apoi este "
        "ștearsă.",
    },
    Text.KEPT_LIST_UNTIL: {
        NB: "Her er det til og med {day}.",
        EN: "Here that is until {day}.",
        PL: "Tutaj: do {day}.",
        LT: "Čia – iki {day}.",
        RO: "Aici: până la {day}.",
    },
    Text.NOTHING: {
        NB: "Ingenting.",
        EN: "Nothing.",
        PL: "Nic.",
        LT: "Nieko.",
        RO: "Nimic.",
    },
    Text.PAGE: {
        NB: "Side {page} av {pages}",
        EN: "Page {page} of {pages}",
        PL: "Strona {page} z {pages}",
        LT: "{page} psl. iš {pages}",
        RO: "Pagina {page} din {pages}",
    },
}


def said(text: Text, language: str | None, **values: object) -> str:
    """The words in this language, in bokmål when it is none of the five."""
    words = TEXTS[text]
    return words.get(language or NB, words[NB]).format(**values)
