"""A web application at a host name of its own, PORT-ID.DOMAIN."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Response, expect

from support import Sandbox

# What a page of one port tries with the cookie that the browser keeps for another's. Each attempt
# tells what came of it.
ATTEMPTS = """async other => {
  const socket = new WebSocket(other.replace("http", "ws") + "socket");
  const opened = new Promise(done => {
    socket.onopen = () => done("opened");
    socket.onerror = () => done("refused");
  });
  const outcome = promise => promise.then(() => "answered", () => "refused");
  const image = new Image();
  const loaded = new Promise(done => {
    image.onload = () => done("loaded");
    image.onerror = () => done("refused");
  });
  image.src = other + "image.svg";
  const all = {credentials: "include"};
  await fetch(other + "headers", {...all, mode: "no-cors"}).catch(() => null);
  await fetch(other + "upload", {...all, mode: "no-cors", method: "POST", body: "x"})
    .catch(() => null);
  return {
    socket: await opened,
    image: await loaded,
    read: await outcome(fetch(other + "headers", all)),
  };
}"""


def refusal(response: Response | None, status: int) -> str:
    """The code of one of our own answers, which has nothing of the guest's."""
    assert response is not None
    assert response.status == status
    assert "In a guest" not in response.text()
    code = json.loads(response.text())["code"]
    assert isinstance(code, str)
    return code


def test_a_linked_web_application_works(
    page: Page, sandbox: Sandbox, domain: str, reports: Path
) -> None:
    errors: list[str] = []
    answers: list[Response] = []
    page.on(
        "console",
        lambda line: (
            errors.append(f"{line.text} {line.location}") if line.type == "error" else None
        ),
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda response: answers.append(response))

    link = sandbox.link()
    response = page.goto(link)

    # The token is gone from the address, and no page has its own history to find it in.
    own = urlsplit(link)
    assert own.hostname == f"8000-{sandbox.id.replace('_', '-')}.{domain}"
    assert page.url == f"http://{own.netloc}/"
    assert response is not None and response.status == 200
    first = response.request.redirected_from
    assert first is not None and first.url == link

    # Style and image are there, and all that the script does has been done.
    expect(page.locator("h1")).to_have_css("color", "rgb(20, 40, 60)")
    assert page.evaluate("image.decode().then(() => image.naturalWidth)") == 48
    data = bytes(range(251)) * (5_000_000 // 251 + 1)
    digest = hashlib.sha256(data[:5_000_000]).hexdigest()
    expected = {
        "upload": json.dumps({"size": 5_000_000, "sha256": digest}),
        "socket-text": "Grüße",
        "socket-binary": "70000",
        "socket-close": "4001",
        "events": "0 1 2 3 4 5 6 7 8 9",
        "cookie": "own=1",
    }
    for name, value in expected.items():
        expect(page.locator(f"#{name}")).to_have_text(value, timeout=30_000)

    # The guest sees its own cookie and neither ours nor the token.
    headers = json.loads(page.locator("#headers").inner_text())
    assert headers["Cookie"] == "own=1"
    assert own.query.removeprefix("pf_token=") not in json.dumps(headers)
    ours = [cookie for cookie in page.context.cookies() if cookie["name"] == "pf_port"]
    assert [(cookie["domain"], cookie["httpOnly"]) for cookie in ours] == [(own.hostname, True)]

    page.screenshot(path=reports / f"{domain}.png", full_page=True)

    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/form")
    fields = json.loads(page.locator("body").inner_text())
    assert fields == {"name": ["Grüße & 1+1=2"], "text": ["two\r\nlines"]}
    assert errors == []
    paths = {urlsplit(answer.url).path for answer in answers}
    assert {"/script.js", "/style.css", "/image.svg", "/upload", "/events"} <= paths
    assert [answer.url for answer in answers if answer.status >= 400] == []


def test_without_the_links_cookie_nothing_is_seen(
    page: Page, sandbox: Sandbox, new_context: Callable[[], BrowserContext]
) -> None:
    page.goto(sandbox.link())
    stranger = new_context().new_page()
    assert refusal(stranger.goto(page.url), 401) == "missing_authorization"
    assert refusal(stranger.goto(page.url + "script.js"), 401) == "missing_authorization"


def test_a_page_cannot_use_the_cookie_of_another_sandbox(
    page: Page, create: Callable[[], Sandbox]
) -> None:
    first, second = create(), create()
    page.goto(first.link())
    other = page.url
    fresh = second.link()
    assert refusal(page.goto(fresh.partition("?")[0]), 401) == "missing_authorization"

    page.goto(fresh)
    assert "pf_port" in [cookie["name"] for cookie in page.context.cookies(other)]
    expect(page.locator("#upload")).to_contain_text("5000000")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    assert page.evaluate(ATTEMPTS, other) == {
        "socket": "refused",
        "image": "refused",
        "read": "refused",
    }
    statuses = {answer.status for answer in answers if answer.url.startswith(other)}
    # 401 if the browser kept the cookie back, 403 if the two hosts are of one site.
    assert statuses and statuses <= {401, 403}, statuses

    # The cookie's token is for the first one's port, whoever sends it.
    (ours,) = (c for c in page.context.cookies(other) if c["name"] == "pf_port")
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "pf_port", "value": ours["value"], "url": page.url}])
    assert refusal(page.reload(), 401) == "invalid_link"


def test_a_page_cannot_lock_others_of_its_domain_out(
    page: Page, create: Callable[[], Sandbox], domain: str
) -> None:
    first, second = create(), create()
    page.goto(first.link())
    other = page.url
    page.goto(second.link())
    # No server can keep a page from setting cookies for its whole domain, but the browser does
    # where that is a public suffix. Longer paths come first in what it sends.
    page.evaluate(f"document.cookie = 'pf_port=1; domain={domain}; path=/headers'")
    response = page.goto(other + "headers")
    assert response is not None
    sent = response.request.all_headers()["cookie"]
    assert sent.count("pf_port=") == (1 if domain == "localhost" else 2)
    assert response.status == 200, response.text()
    assert "pf_port" not in response.text()


def test_after_the_end_a_reload_says_that_it_is_gone(page: Page, sandbox: Sandbox) -> None:
    page.goto(sandbox.link())
    expect(page.locator("h1")).to_have_text("In a guest")
    sandbox.delete()
    assert refusal(page.reload(), 410) == "gone"
