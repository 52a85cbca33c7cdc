"""The console's words in one language, its times and ages in one zone. Pure, but for the zone's own table."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal

from hub.console.texts import Text
from hub.console.vocabulary import ANSWERS, FORMS, LACKS, READERS, REGISTER, REMARKS, REQUIREMENTS, VALUES
from hub.tables import clean

Language = Literal["nb", "en"]
_PLACE = {"nb": 0, "en": 1}
_QUALIFICATION = "qualification "


@dataclass(frozen=True, slots=True)
class Words:
    """Says everything in one language."""

    language: Language
    zone: tzinfo

    def say(self, text: Text, **values: object) -> str:
        """A text with its gaps filled in; what is filled in comes from strangers and is cleaned."""
        said = text.value[_PLACE[self.language]]
        return said.format(**{name: clean(str(value)) for name, value in values.items()}) if values else said

    def answer(self, code: str | None) -> str:
        """A gate's answer; a code that this version does not know stands as it is."""
        if code is None:
            return ""
        return ANSWERS[code][_PLACE[self.language]] if code in ANSWERS else clean(code)

    def requirement(self, name: str) -> str:
        """A requirement of the site."""
        if name.startswith(_QUALIFICATION):
            kind = clean(name.removeprefix(_QUALIFICATION))
            return REQUIREMENTS["qualification"][_PLACE[self.language]].format(kind=kind)
        return REQUIREMENTS[name][_PLACE[self.language]] if name in REQUIREMENTS else clean(name)

    def register(self, status: str) -> str:
        """What the register of cards says."""
        return REGISTER[status][_PLACE[self.language]] if status in REGISTER else clean(status)

    def lacking(self, what: str) -> str:
        """What the law asks for and nobody has said."""
        return LACKS[what][_PLACE[self.language]] if what in LACKS else clean(what)

    def reader(self, state: str) -> str:
        """How a gate's reader is."""
        return READERS[state][_PLACE[self.language]] if state in READERS else clean(state)

    def form(self, form: str) -> str:
        """A kind of file."""
        return FORMS[form][_PLACE[self.language]] if form in FORMS else form

    def remark(self, kind: str, said: str) -> str:
        """What has to be known of a kind of target; `said` is the hub's own word for it."""
        return REMARKS[kind][_PLACE[self.language]] if kind in REMARKS else clean(said)

    def decimal(self, number: float) -> str:
        """To one place, where it has one."""
        text = f"{number:.1f}".removesuffix(".0")
        return text.replace(".", ",") if self.language == "nb" else text

    def value(self, value: str) -> str:
        """What is known about a requirement."""
        return VALUES[value][_PLACE[self.language]] if value in VALUES else clean(value)

    def clock(self, time_ms: int | None) -> str:
        """Hours, minutes and seconds by the site's clocks."""
        return "" if time_ms is None else self._at(time_ms).strftime("%H:%M:%S")

    def moment(self, time_ms: int | None, now_ms: int) -> str:
        """The time of day; with the date when that is not today's."""
        if time_ms is None:
            return ""
        at = self._at(time_ms)
        today = self._at(now_ms).date()
        if at.date() == today:
            return at.strftime("%H:%M:%S")
        return at.strftime("%d.%m. %H:%M" if at.year == today.year else "%d.%m.%Y")

    def stamp(self, time_ms: int) -> str:
        """Date and time, for the name of a file."""
        return self._at(time_ms).strftime("%Y-%m-%d-%H%M%S")

    def today(self, now_ms: int) -> str:
        """The day, ISO 8601."""
        return self._at(now_ms).date().isoformat()

    def age(self, ms: int) -> str:
        """How long, in its largest unit."""
        s = max(0, ms) // 1000
        for text, seconds in ((Text.DAYS, 86_400), (Text.HOURS, 3_600), (Text.MINUTES, 60)):
            if s >= 2 * seconds or (seconds == 60 and s >= 60):
                return self.say(text, n=s // seconds)
        return self.say(Text.SECONDS, n=s)

    def elapsed(self, ms: int) -> str:
        """A stopwatch."""
        s = max(0, ms) // 1000
        return f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}" if s >= 3600 else f"{s // 60:02}:{s % 60:02}"

    def _at(self, time_ms: int) -> datetime:
        try:
            return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(self.zone)
        except (OverflowError, ValueError, OSError):
            # A gate's clock may say anything.
            return datetime.fromtimestamp(0, UTC)
