"""All endpoints of the REST API."""

from app.web.api import campaigns, messages
from app.web.rest import Endpoint

ENDPOINTS: list[Endpoint] = [
    *campaigns.ENDPOINTS,
    *messages.ENDPOINTS,
]
