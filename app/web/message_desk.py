"""Where the edge takes single messages in, once it is connected."""

from app.clickhouse import thing_queries
from app.control.destinations import Destinations
from app.control.messages import Messages
from app.settings import Settings
from app.transport.mx_lookup import MxLookup
from app.web.contents import Contents
from app.web.link import Link
from app.web.mx_finder import MxFinder
from app.web.views import Views


class MessageDesk:
    """Gives the Messages of the present connection."""

    def __init__(self, settings: Settings, link: Link, views: Views) -> None:
        self._settings, self._link, self._views = settings, link, views
        self._messages: Messages | None = None
        self._finder: MxFinder | None = None
        self._destinations: Destinations | None = None
        self._contents: Contents | None = None

    @property
    def messages(self) -> Messages:
        """Raises UnreachableError while Kafka has not been reached."""
        if self._messages is None:
            control, secret = self._link.control, self._settings.secret_path.read_bytes()
            if self._settings.mx_lookup == "on":
                self._finder = MxFinder(self._views.client, MxLookup(self._settings.dns_servers))
            self._destinations = Destinations(control.tail, self._finder.find if self._finder else None)
            self._contents = Contents(self._settings.kafka)
            self._messages = Messages(control, secret, self._newest_version, self._destinations, self._contents.of)
        return self._messages

    async def close(self) -> None:
        """Stop finding out about domains, and following contents."""
        if self._contents is not None:
            await self._contents.close()
        if self._destinations is not None:
            await self._destinations.close()
        if self._finder is not None:
            await self._finder.close()

    async def _newest_version(self, account: str, template: str) -> int | None:
        record = self._link.control.tail.overlay.newest("template", account, template)
        if record is None:
            record = await thing_queries.thing(self._views.client, account, "template", template)
        return None if record is None or record.deleted else record.version
