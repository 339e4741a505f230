"""All endpoints of the REST API."""

from app.web.api import (
    account,
    campaigns,
    contacts,
    imports,
    keys,
    lists,
    messages,
    segments,
    suppressions,
    template_tools,
    templates,
)
from app.web.rest import Endpoint

ENDPOINTS: list[Endpoint] = [
    *campaigns.ENDPOINTS,
    *messages.ENDPOINTS,
    *template_tools.ENDPOINTS,
    *templates.ENDPOINTS,
    *contacts.ENDPOINTS,
    *imports.ENDPOINTS,
    *lists.ENDPOINTS,
    *segments.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *keys.ENDPOINTS,
    *account.ENDPOINTS,
]
