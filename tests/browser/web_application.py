# A web application as a user might serve it; runs in the guest, beside guest_server.py.
import hashlib
import http.server
import json
import threading
import time
from urllib.parse import parse_qs, urlsplit

from guest_server import Handler, server

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>In a guest</title>
<link rel="icon" href="image.svg">
<link rel="stylesheet" href="/style.css">
<script src="script.js" defer></script>
</head>
<body>
<h1>In a guest</h1>
<img id="image" src="/image.svg" alt="a square">
<dl id="results"></dl>
<form method="post" action="/form">
<input name="name" value="Grüße & 1+1=2">
<textarea name="text">two
lines</textarea>
<button>Send</button>
</form>
</body>
</html>
"""

SCRIPT = """
function show(name, value) {
  const row = document.createElement("div");
  row.innerHTML = "<dt></dt><dd></dd>";
  row.querySelector("dt").textContent = name;
  row.querySelector("dd").textContent = value;
  row.querySelector("dd").id = name;
  document.getElementById("results").append(row);
}

function pattern(size) {
  return Uint8Array.from({length: size}, (_, i) => i % 251);
}

function webSocket() {
  const socket = new WebSocket(`ws://${location.host}/socket`);
  const binary = pattern(70000);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { socket.send("Grüße"); socket.send(binary); };
  socket.onmessage = ({data}) => {
    if (typeof data === "string") {
      show("socket-text", data);
    } else {
      const echo = new Uint8Array(data);
      const same = echo.length === binary.length && echo.every((b, i) => b === binary[i]);
      show("socket-binary", same ? echo.length : "changed");
      socket.close(4001, "enough");
    }
  };
  socket.onclose = event => show("socket-close", event.code);
}

async function upload() {
  const answer = await fetch("/upload", {method: "POST", body: pattern(5000000)});
  show("upload", await answer.text());
}

function events() {
  const seen = [];
  const source = new EventSource("/events");
  source.onmessage = event => seen.push(event.data);
  source.addEventListener("end", () => { source.close(); show("events", seen.join(" ")); });
}

document.cookie = "own=1";
show("cookie", document.cookie);
webSocket();
upload();
events();
fetch("/headers").then(answer => answer.text()).then(text => show("headers", text));
"""

STYLE = """
body { font: 16px sans-serif; margin: 2em; color: rgb(20, 40, 60) }
dl div { display: flex; gap: 1em }
dt { width: 8em; font-weight: bold }
dd { margin: 0; overflow-wrap: anywhere }
"""

IMAGE = """<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48">
<rect width="48" height="48" fill="seagreen"/></svg>"""

# One file, as by path a page cannot load others from here.
ONE_FILE = """<!doctype html>
<html lang="en">
<title>One file</title>
<h1>One file</h1>
<script>document.querySelector("h1").textContent += " and its script";</script>
</html>
"""

FILES = {
    "/": (PAGE, "text/html; charset=utf-8"),
    "/script.js": (SCRIPT, "text/javascript; charset=utf-8"),
    "/style.css": (STYLE, "text/css"),
    "/image.svg": (IMAGE, "image/svg+xml"),
    # Browsers ask for it beside a page that names no icon, such as the form's answer.
    "/favicon.ico": (IMAGE, "image/svg+xml"),
    "/one-file": (ONE_FILE, "text/html; charset=utf-8"),
}


class Application(Handler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.headers.get("Upgrade") == "websocket":
            self.web_socket()
        elif path == "/events":
            self.events()
        elif path == "/headers":
            self.json(dict(self.headers.items()))
        elif path in FILES:
            text, kind = FILES[path]
            self.answer(text.encode(), kind)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/form":
            self.json(parse_qs(body.decode("ascii")))
        else:
            self.json({"size": len(body), "sha256": hashlib.sha256(body).hexdigest()})

    def end_headers(self) -> None:
        if self.path.startswith("/one-file"):
            for cookie in (
                "guest=1; Path=/",
                "wide=1; Path=/; Domain=127.0.0.1",
                "api=1; Path=/v1/sandboxes",
                "up=1; Path=/../..",
                "pf_port=1; Path=/",
            ):
                self.send_header("Set-Cookie", cookie)
        super().end_headers()

    def json(self, value: object) -> None:
        self.answer(json.dumps(value).encode(), "application/json")

    def events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(10):
            self.wfile.write(f"id: {number}\ndata: {number}\n\n".encode())
            time.sleep(0.03)
        self.wfile.write(b"event: end\ndata:\n\n")


server.RequestHandlerClass = Application
second = http.server.ThreadingHTTPServer(("0.0.0.0", 8001), Application)
threading.Thread(target=second.serve_forever, daemon=True).start()
