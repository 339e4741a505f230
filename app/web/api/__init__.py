"""The REST API under /v1: one file a resource, each with its ENDPOINTS."""
