"""What handlers find on the application."""

from aiohttp import web

from app.control.unstored import Unstored
from app.settings import Settings
from app.web.feed import Feed
from app.web.importing import Importer
from app.web.link import Link
from app.web.message_desk import MessageDesk
from app.web.rate import KeyRates
from app.web.views import Views

SETTINGS = web.AppKey("settings", Settings)
LINK = web.AppKey("link", Link)
VIEWS = web.AppKey("views", Views)
FEED = web.AppKey("feed", Feed)
RATES = web.AppKey("rates", KeyRates)
LINK_KEY = web.AppKey("link_key", bytes)
MESSAGES = web.AppKey("messages", MessageDesk)
UNSTORED = web.AppKey("unstored", Unstored)  # suppressions on their way to ClickHouse
IMPORTER = web.AppKey("importer", Importer)
