"""Delivers what the outbox holds: to each receiver what it does not have yet, the oldest alert first, at least once and under an id that stays the same."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Protocol

from adapters import alerts, outbox, recommendations, series
from adapters.alerts import Stored
from adapters.outbox import RECEIVERS, Standing, Waiting
from adapters.tables import Tables
from alerts import outgoing
from alerts.outgoing import LONGEST_PAUSE, LONGEST_WAIT, DeliveryFailed, Message, MessageRefused, Sent, pause
from alerts.render import gateway_of, render
from settings import VERSION

log = logging.getLogger("gatewatch.deliver")

GIVE_UP = timedelta(days=3)
"""After so long a message that is always refused is given up."""
AGAIN = 1.0
"""Seconds after which a receiver that is done looks again while another is still at work."""


class Receiver(Protocol):
    def configuration(self) -> str | None:
        """A text that changes with how it is configured, None where it is not. Raises azure.core's HttpResponseError for a storage fault."""

    def send(self, message: Message) -> None:
        """Raises MessageRefused or DeliveryFailed."""

    def close(self) -> None:
        """What a run opened."""


class Deliver:
    """Any number may run at a time, here or elsewhere: then a message may arrive more than once, and never under two ids."""

    def __init__(
        self,
        tables: Tables,
        receivers: Mapping[str, Receiver],
        formats: Sequence[str],
        gateway: str = "",
        site: str = "",
        country: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`receivers`: for every name in outbox.RECEIVERS. `gateway`: ARM id of the API Management service, or ""; `site`: origin of the page, or ""; `country`: two
        letters, or "", of who is accused."""
        self._country = country
        self._tables, self._receivers, self._formats, self._gateway, self._site = tables, receivers, formats, gateway, site
        self._locks = {name: Lock() for name in RECEIVERS}

    def run(self, now: datetime, out_of_time: Callable[[], bool] = lambda: False) -> int:
        """Send what is due; the number of messages. Receivers are served apart, so that none waits for another. Raises for a storage fault, after all ended."""
        busy, ended = set(RECEIVERS), Event()

        def serve(name: str) -> int:
            sent = 0
            while True:
                try:
                    sent += self._serve(name, now, out_of_time)
                finally:
                    busy.discard(name)
                    if not busy:
                        ended.set()
                if ended.wait(AGAIN) or out_of_time():
                    return sent

        with ThreadPoolExecutor(len(RECEIVERS), "deliver") as pool:
            running = [pool.submit(serve, name) for name in RECEIVERS]
        return sum(item.result() for item in running)

    def _serve(self, name: str, now: datetime, out_of_time: Callable[[], bool]) -> int:
        """One receiver, as far as it goes."""
        with self._locks[name]:
            rows = outbox.due(self._tables, name, now)
            if not rows:
                return 0
            receiver = self._receivers[name]
            configuration = receiver.configuration()
            if configuration is None:  # nobody wants to be told
                for item in rows:
                    outbox.done(self._tables, item, now)
                return 0
            standing = outbox.standing(self._tables, name)
            if standing.until is not None and standing.until > now and standing.configuration == configuration:
                return 0
            sent = 0
            try:
                for item in rows:
                    if out_of_time():
                        return sent
                    sent += self._tell(name, receiver, item, now)
            except DeliveryFailed as failure:
                self._pause(name, failure, standing, configuration, now)
                return sent
            finally:
                receiver.close()
            if standing.failures:
                outbox.stand(self._tables, name, Standing())
                log.info("the %s takes alerts again", name)
            return sent

    def _tell(self, name: str, receiver: Receiver, waiting: Waiting, now: datetime) -> int:
        """Everything about one alert or recommendation that the receiver does not have, and remember what arrived. Raises DeliveryFailed."""
        is_recommendation = recommendations.is_id(waiting.id)
        stored = (recommendations if is_recommendation else alerts).find(self._tables, waiting.id)
        if stored is None:
            outbox.done(self._tables, waiting, now)
            return 0
        told = dict(stored.told.get(name, {}))
        sent, refusals = 0, []
        try:
            owed = self._messages(stored, dict(told)) if isinstance(stored, Stored) else self._findings(stored, dict(told), now)
            for message, memo in owed:
                try:
                    receiver.send(message)
                except MessageRefused as refused:
                    refusals.append(str(refused))
                    continue
                told[message.format] = memo
                sent += 1
        except MessageRefused as refused:
            refusals.append(str(refused))
        finally:
            if sent:
                (recommendations if is_recommendation else alerts).remember(self._tables, waiting.id, name, told)
        if refusals:
            self._refused(name, waiting, refusals[0], now)
        else:
            outbox.done(self._tables, waiting, now)
        return sent

    def _messages(self, stored: Stored, told: Mapping[str, Sent]) -> Iterator[tuple[Message, Sent]]:
        """What is owed, rendered now: whoever was erased or pseudonymised meanwhile stays so. Raises MessageRefused for what this version cannot render."""
        alert, status = stored.alert, stored.status
        owed = list(outgoing.owed(alert, status, told, self._formats))
        if not owed:
            return
        try:
            points = series.of(self._tables, alert)
            country = self._country(alert.sighting.actor or "")
            document = render(alert, gateway_of(alert, self._gateway), status=status, series=points, site=self._site, country=country)
        except KeyError as error:
            raise MessageRefused(f"this version knows no detector {error}") from None
        for message in owed:
            yield outgoing.message(message, document, alert, VERSION), message.sent

    def _findings(self, stored: recommendations.Stored, told: Mapping[str, Sent], now: datetime) -> Iterator[tuple[Message, Sent]]:
        """What is owed of a recommendation. Raises MessageRefused for an assessment that this version does not have."""
        from posture import compliance  # only a posture that reads something has any

        try:
            yield from compliance.messages(stored.recommendation, told, self._formats, VERSION, now)
        except KeyError as error:
            raise MessageRefused(f"this version knows no assessment {error}") from None

    def _refused(self, name: str, waiting: Waiting, what: str, now: datetime) -> None:
        since = waiting.since or now
        if now - since >= GIVE_UP:
            log.error("alert %s is given up: the %s has refused it since %s, last with %s", waiting.id, name, since.isoformat(), what)
            outbox.done(self._tables, waiting, now)
            return
        log.warning("the %s refuses alert %s (%s); it is tried again", name, waiting.id, what)
        outbox.refuse(self._tables, waiting, what, now, now + pause(waiting.refused + 1, LONGEST_WAIT))

    def _pause(self, name: str, failure: DeliveryFailed, standing: Standing, configuration: str, now: datetime) -> None:
        failures = standing.failures + 1
        wait = pause(failures, LONGEST_PAUSE, failure.asked)
        outbox.stand(self._tables, name, Standing(failures, standing.since or now, now + wait, str(failure), configuration))
        level = logging.ERROR if failure.wrong else logging.WARNING
        log.log(level, "the %s takes no alerts (%s); they wait, and are tried again in %.0f s", name, failure, wait.total_seconds())
