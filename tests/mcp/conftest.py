"""Every test with a door runs at each of them."""

from __future__ import annotations

import pytest

from support import DOORS


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    return str(request.param)
