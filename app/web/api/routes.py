"""All endpoints of the REST API."""

from app.web.api import account, campaigns, keys, messages
from app.web.rest import Endpoint

ENDPOINTS: list[Endpoint] = [
    *campaigns.ENDPOINTS,
    *messages.ENDPOINTS,
    *keys.ENDPOINTS,
    *account.ENDPOINTS,
]
