"""All endpoints of the REST API."""

from app.web.rest import Endpoint

ENDPOINTS: list[Endpoint] = []
