"""A sandbox without egress, through the client's own words."""

from __future__ import annotations

import pytest

from support import Create

# Addresses of documentation (RFC 5737, RFC 3849): were a guard missing, nobody would answer. The policy refuses
# them on this host, so nothing is sent.
ATTEMPTS = """
import errno, socket, time

def attempt(kind, address, port, payload=b"x"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    begin = time.perf_counter()
    try:
        with socket.socket(family, kind, socket.IPPROTO_ICMP if kind == socket.SOCK_RAW else 0) as s:
            s.settimeout(10)
            s.connect((address, port))
            if kind != socket.SOCK_STREAM:
                s.send(payload)
                if kind == socket.SOCK_RAW:
                    return "unreachable" if s.recv(100)[20] == 3 else "answered"
                s.recv(100)
            return "connected"
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)

def name(text):
    try:
        return socket.gethostbyname(text)
    except socket.gaierror:
        return "no such name"
"""


@pytest.mark.parametrize(
    ("attempt", "outcomes"),
    [
        ("attempt(socket.SOCK_STREAM, '192.0.2.9', 443)", {"ECONNREFUSED"}),
        ("attempt(socket.SOCK_DGRAM, '192.0.2.9', 443)", {"EACCES", "EHOSTUNREACH"}),
        # Without a route where the host has no IPv6, else refused as the rest.
        ("attempt(socket.SOCK_STREAM, '2001:db8::9', 443)", {"ENETUNREACH", "ECONNREFUSED"}),
        ("attempt(socket.SOCK_DGRAM, '2001:db8::9', 443)", {"ENETUNREACH", "EACCES"}),
        ("attempt(socket.SOCK_STREAM, '169.254.169.254', 80)", {"ECONNREFUSED"}),
        ("name('example.com')", {"no such name"}),
    ],
)
def test_without_egress_everything_is_refused_and_nothing_hangs(
    create: Create, attempt: str, outcomes: set[str]
) -> None:
    sandbox = create(egress=False)
    sandbox.run_code(ATTEMPTS)
    result = sandbox.run_code(f"print({attempt})")
    assert result.exit_code == 0, result.stderr
    assert result.stdout in outcomes


def test_a_child_has_no_egress_either(create: Create) -> None:
    child = create(egress=False).fork()[0]
    try:
        child.run_code(ATTEMPTS)
        assert (
            child.run_code("print(attempt(socket.SOCK_STREAM, '192.0.2.9', 443))").stdout
            == "ECONNREFUSED"
        )
    finally:
        child.close()
