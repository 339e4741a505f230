"""Sessions over SMPP are tried on the event loop that workers have: its transports are not those of asyncio."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
import uvloop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Any]:
    """The loop of each test in this folder."""
    if item.path.name == "test_smpp_pool.py":
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
