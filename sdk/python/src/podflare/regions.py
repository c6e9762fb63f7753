"""Regions of a service. A server of your own has none; a router in front of several serves each
below ``/r/NAME``. ``PODFLARE_REGIONS`` can name addresses: ``eu=https://eu.example.com@50.1,8.7``,
comma-free entries separated by spaces, each with an optional ``@LATITUDE,LONGITUDE``.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple
from urllib.parse import quote

from podflare._config import find_host


class RegionInfo(NamedTuple):
    name: str
    direct_url: str
    lat: float
    lon: float


class UnknownRegionError(ValueError):
    """There is no such region, or none at all."""


def _configured() -> list[RegionInfo]:
    regions = []
    for entry in os.environ.get("PODFLARE_REGIONS", "").split():
        name, _, rest = entry.partition("=")
        url, _, place = rest.partition("@")
        lat, _, lon = place.partition(",")
        try:
            where = (float(lat), float(lon)) if place else (math.nan, math.nan)
        except ValueError as wrong:
            raise UnknownRegionError(f"not a region: {entry!r} of PODFLARE_REGIONS") from wrong
        regions.append(RegionInfo(name, find_host(url), *where))
    return regions


REGIONS: dict[str, str] = {region.name: region.direct_url for region in _configured()}
"""Name to address."""


def default_api_base() -> str:
    """The address that the environment names."""
    return find_host(None)


def resolve_region(region: str | None) -> str | None:
    """The address of a region; None for none. One without an address of its own is below ``/r``."""
    if region is None:
        return None
    name = region.strip().lower()
    return REGIONS.get(name) or f"{default_api_base()}/r/{quote(name, safe='')}"


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Kilometres between two places of the earth, given in degrees."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half)))


def nearest_region_to(lat: float, lon: float) -> RegionInfo:
    """The region whose place is nearest."""
    placed = [region for region in _configured() if not math.isnan(region.lat)]
    if not placed:
        raise UnknownRegionError("PODFLARE_REGIONS names no region with a place")
    return min(placed, key=lambda region: haversine_km(lat, lon, region.lat, region.lon))


def detect_local_region() -> RegionInfo | None:
    """Where this machine is, is not asked of anybody: None."""
    return None
