"""A guest's page by path, below the API's own origin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support import Sandbox

# Tells what came of each; "TypeError" is what a browser says of a fetch that it forbids.
ATTEMPTS = """async paths => {
  const outcome = promise => promise.then(() => "answered", error => error.name);
  const attempt = call => { try { return String(call()); } catch (error) { return error.name; } };
  const api = location.protocol + "//" + location.host + "/v1/sandboxes";
  const socket = new WebSocket(paths.tunnel);
  const opened = new Promise(done => {
    socket.onopen = () => done("opened");
    socket.onerror = () => done("refused");
  });
  return {
    origin: self.origin,
    api: await outcome(fetch(api)),
    credentials: await outcome(fetch(api, {credentials: "include"})),
    own: await outcome(fetch("headers", {credentials: "include"})),
    other: await outcome(fetch(paths.other, {credentials: "include"})),
    cookie: attempt(() => document.cookie),
    storage: attempt(() => localStorage.length),
    tunnel: await opened,
  };
}"""


def seen_headers(page: Page, address: str) -> dict[str, str]:
    """What the guest's server sees of a visit."""
    page.goto(address)
    headers: dict[str, str] = json.loads(page.locator("body").inner_text())
    return headers


@pytest.fixture
def opened(page: Page, sandbox: Sandbox) -> Page:
    # Port 8001 first: its cookie is what a page of port 8000 could use.
    page.goto(sandbox.link_by_path(8001, "headers"))
    response = page.goto(sandbox.link_by_path(8000, "one-file"))
    assert response is not None and response.status == 200
    assert response.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in response.headers["content-security-policy"]
    assert page.url == sandbox.by_path(8000) + "one-file"
    return page


def test_a_page_by_path_runs_and_reaches_nothing_of_its_host(
    opened: Page, sandbox: Sandbox
) -> None:
    expect(opened.locator("h1")).to_have_text("One file and its script")
    tunnel = f"{sandbox.api.base}{sandbox.path}/tunnel/8000".replace("http:", "ws:")
    other = sandbox.by_path(8001) + "headers"
    assert opened.evaluate(ATTEMPTS, {"tunnel": tunnel, "other": other}) == {
        "origin": "null",
        "api": "TypeError",
        "credentials": "TypeError",
        "own": "TypeError",
        "other": "TypeError",
        "cookie": "SecurityError",
        "storage": "SecurityError",
        "tunnel": "refused",
    }


def test_a_guests_cookie_stays_below_its_port(opened: Page, sandbox: Sandbox) -> None:
    prefix = f"{sandbox.path}/ports/8000"
    kept: list[Any] = opened.context.cookies()
    theirs = {cookie["name"]: cookie for cookie in kept if cookie["name"] != "pf_port"}
    assert {"guest", "wide", "api"} <= set(theirs)
    for cookie in theirs.values():
        assert cookie["domain"] == "127.0.0.1"
        assert f"{cookie['path']}/".startswith(prefix + "/")
    ours = {cookie["path"]: cookie for cookie in kept if cookie["name"] == "pf_port"}
    assert set(ours) == {f"{sandbox.path}/ports/{port}/" for port in (8000, 8001)}
    assert all(cookie["httpOnly"] and cookie["value"] != "1" for cookie in ours.values())

    assert "guest=1" in seen_headers(opened, sandbox.by_path(8000) + "headers")["Cookie"]
    assert "pf_port" not in seen_headers(opened, sandbox.by_path(8000) + "headers")["Cookie"]
    assert "Cookie" not in seen_headers(opened, sandbox.by_path(8001) + "headers")
    for address in (f"{sandbox.api.base}/v1/sandboxes", sandbox.api.base + sandbox.path):
        response = opened.goto(address)
        assert response is not None and response.status == 401
        assert "cookie" not in response.request.all_headers()
