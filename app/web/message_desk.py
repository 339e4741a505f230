"""Where the edge takes single messages in, once it is connected."""

from app.clickhouse import thing_queries
from app.control.messages import Messages
from app.settings import Settings
from app.web.link import Link
from app.web.views import Views


class MessageDesk:
    """Gives the Messages of the present connection."""

    def __init__(self, settings: Settings, link: Link, views: Views) -> None:
        self._settings, self._link, self._views = settings, link, views
        self._messages: Messages | None = None

    @property
    def messages(self) -> Messages:
        """Raises UnreachableError while Kafka has not been reached."""
        if self._messages is None:
            control = self._link.control
            self._messages = Messages(control, self._settings.secret_path.read_bytes(), self._newest_version)
        return self._messages

    async def _newest_version(self, account: str, template: str) -> int | None:
        record = self._link.control.tail.overlay.newest("template", account, template)
        if record is None:
            record = await thing_queries.thing(self._views.client, account, "template", template)
        return None if record is None or record.deleted else record.version
