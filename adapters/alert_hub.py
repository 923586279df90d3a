"""The event hub that alerts are sent to, one event for each format."""

import asyncio
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

from adapters.identity import credential
from alerts.outgoing import DeliveryFailed, Message, MessageRefused
from settings import Connection

LONGEST = 10.0
"""Seconds for one message, the connection included."""


class AlertHub:
    """The SDK's asynchronous producer: the synchronous one waits without end for a server that accepts a connection and then says nothing."""

    problem = ""
    """Nothing about it can be configured wrongly that an attempt would not tell."""

    def __init__(self, connection: Connection, hub: str, longest: float = LONGEST) -> None:
        """`hub`: its name, "" for none; `longest`: seconds."""
        self._connection, self._hub, self._longest = connection, hub, longest
        self._runner: asyncio.Runner | None = None
        self._producer: EventHubProducerClient | None = None

    def configuration(self) -> str | None:
        """The hub's name, None where there is none."""
        return self._hub or None

    def send(self, message: Message) -> None:
        """Raises MessageRefused where the hub does not want this message, DeliveryFailed where it takes none."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        event = EventData(message.body)
        event.content_type = message.content_type
        event.properties = {"id": message.id, "format": message.format, "change": message.change}
        try:
            self._runner.run(asyncio.wait_for(self._send(event), self._longest))
        except ValueError:  # larger than the hub takes
            raise MessageRefused("too large") from None
        except TimeoutError:
            raise DeliveryFailed(f"no answer within {self._longest:g} s") from None
        except (EventHubError, AzureError, OSError) as error:
            raise DeliveryFailed(type(error).__name__) from None

    async def _send(self, event: EventData) -> None:
        if self._producer is None:
            self._producer = _producer(self._connection, self._hub)
        await self._producer.send_batch([event])

    def close(self) -> None:
        """End the connection; the next message opens another."""
        if self._runner is None:
            return
        producer, self._producer = self._producer, None
        runner, self._runner = self._runner, None
        with runner:
            if producer is not None:
                try:
                    runner.run(asyncio.wait_for(producer.close(), self._longest))
                except (EventHubError, AzureError, OSError):
                    return


def _producer(connection: Connection, hub: str) -> EventHubProducerClient:
    if connection.connection_string:
        return EventHubProducerClient.from_connection_string(connection.connection_string, eventhub_name=hub, retry_total=0)
    return EventHubProducerClient(connection.address, hub, Waiting(credential(connection.client_id)), retry_total=0)


class Waiting:
    """A credential for asynchronous clients: azure.identity's own would need one more HTTP client in the package."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        token: AccessToken = await asyncio.to_thread(self._credential.get_token, *scopes, **options)
        return token

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> "Waiting":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None
