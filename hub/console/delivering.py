"""What can be done about deliveries to central systems: once more, or never. Each is asked once, and in the audit."""

from collections.abc import Callable

from hub.central import words as central
from hub.console.acts import Act, Field, Said, Tell
from hub.console.bridge import Outcome
from hub.console.roles import Right
from hub.console.site import Site
from hub.console.texts import Text
from hub.console.words import Words

SHOWN_ID = 8
"""So much of a key tells one from the other on a line; the whole of it is what is acted on."""


class DeliveryActs:
    """Makes them for one user, in one language."""

    def __init__(self, words: Words, user: str) -> None:
        self._words = words
        self._user = user

    def wake(self, target: str) -> Act:
        """A target that has stopped."""
        return self._again(target, Text.WILL_WAKE)

    def try_now(self, target: str) -> Act:
        """One that is waited for, after failures."""
        return self._again(target, Text.WILL_TRY)

    def retry(self, target: str, delivery: str) -> Act:
        """One that was set aside."""
        say, shown = self._words.say, delivery[:SHOWN_ID]

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            central.retry(site.store, target, delivery, self._user, site.clock())
            return Outcome(done=True, lines=(say(Text.RETRIED, id=shown, name=target),))

        return self._act(say(Text.RETRY_ONE, id=shown, name=target), say(Text.WILL_RETRY), do)

    def retry_all(self, target: str, aside: int) -> Act:
        """All that was set aside."""
        say = self._words.say

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            count = central.retry_all(site.store, target, self._user, site.clock())
            return Outcome(done=True, lines=(say(Text.RETRIED_ALL, n=count, name=target),))

        return self._act(say(Text.RETRY_EVERY, n=aside, name=target), say(Text.WILL_RETRY), do)

    def give_up(self, target: str, delivery: str) -> Act:
        """One that will never be told."""
        say, shown = self._words.say, delivery[:SHOWN_ID]

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            central.give_up(
                site.store, target, delivery, by=self._user, reason=said["why"], now_ms=site.clock()
            )  # fmt: skip
            return Outcome(done=True, lines=(say(Text.GIVEN_UP, id=shown),))

        reason = Field("why", say(Text.REASON_NEEDED), option="--reason", needed=True)
        title, will = say(Text.GIVE_UP, name=target, id=shown), say(Text.WILL_GIVE_UP, name=target)
        return Act(
            title, (will, say(Text.NOTED_AS, user=self._user)), Right.KEEP_BOOKS, do, (reason,), grave=True,
            waits=say(Text.WORKING), complaint=say(Text.NEEDED),
        )  # fmt: skip

    def _again(self, target: str, will: Text) -> Act:
        say = self._words.say

        def do(site: Site, said: Said, tell: Tell) -> Outcome:
            central.wake(site.store, target, self._user, site.clock())
            return Outcome(done=True, lines=(say(Text.WOKEN, name=target),))

        return self._act(say(Text.WAKE, name=target), say(will), do)

    def _act(self, title: str, will: str, do: Callable[[Site, Said, Tell], Outcome]) -> Act:
        say = self._words.say
        noted = say(Text.NOTED_PLAIN, user=self._user)
        return Act(title, (will, noted), Right.KEEP_BOOKS, do, waits=say(Text.WORKING))
