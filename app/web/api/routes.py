"""All endpoints of the REST API."""

from app.web.api import (
    account,
    campaign_reads,
    campaign_reports,
    campaign_retries,
    campaigns,
    contacts,
    imports,
    keys,
    limits,
    lists,
    messages,
    notices,
    provider_routes,
    segments,
    suppressions,
    template_tools,
    templates,
    unknowns,
)
from app.web.rest import Endpoint

ENDPOINTS: list[Endpoint] = [
    *campaign_reads.ENDPOINTS,
    *campaign_reports.ENDPOINTS,
    *campaigns.ENDPOINTS,
    *unknowns.ENDPOINTS,
    *campaign_retries.ENDPOINTS,
    *messages.ENDPOINTS,
    *notices.ENDPOINTS,
    *template_tools.ENDPOINTS,
    *templates.ENDPOINTS,
    *contacts.ENDPOINTS,
    *imports.ENDPOINTS,
    *lists.ENDPOINTS,
    *segments.ENDPOINTS,
    *suppressions.ENDPOINTS,
    *keys.ENDPOINTS,
    *account.ENDPOINTS,
    *limits.ENDPOINTS,
    *provider_routes.ENDPOINTS,
]
