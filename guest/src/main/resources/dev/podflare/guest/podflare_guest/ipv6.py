"""The card's IPv6, told to the kernel through rtnetlink: there is no older call for neighbours.

It is as still as IPv4: an address that nobody is asked for, a gateway whose hardware address is known, and no word to
the link. So a copy's network works in its first packet. Whether the host takes IPv6 on is decided outside.
"""

import os
import socket
import struct

ADDRESS, PREFIX, GATEWAY = "fd70:6f64:666c::2", 64, "fd70:6f64:666c::1"
GATEWAY_HARDWARE = bytes.fromhex("027066000001")
SETTINGS = "/proc/sys/net/ipv6/conf"
NEWADDR, NEWROUTE, NEWNEIGH = 20, 24, 28
# request, acknowledge, create, replace
FLAGS = 0x1 | 0x4 | 0x400 | 0x100
NO_DUPLICATE_CHECK = 2
PERMANENT = 0x80
MAIN_TABLE, PROTOCOL_BOOT, UNICAST = 254, 3, 1


def quiet(card: str) -> None:
    """Before the card is up: no address of its own making, nothing asked of the link, nothing taken from it."""
    for name, value in (("addr_gen_mode", "1"), ("accept_ra", "0"), ("accept_dad", "0")):
        with open(f"{SETTINGS}/{card}/{name}", "w", encoding="ascii") as setting:
            setting.write(value)


def bring_up(card: str) -> None:
    """Address, neighbour and default route of a card that is up."""
    index = socket.if_nametoindex(card)
    address, gateway = (socket.inet_pton(socket.AF_INET6, text) for text in (ADDRESS, GATEWAY))
    family = socket.AF_INET6
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(5)
        for kind, head, attributes in (
            (
                NEWADDR,
                struct.pack("BBBBI", family, PREFIX, NO_DUPLICATE_CHECK, 0, index),
                ((1, address), (2, address)),
            ),
            (
                NEWNEIGH,
                struct.pack("BxHiHBB", family, 0, index, PERMANENT, 0, UNICAST),
                ((1, gateway), (2, GATEWAY_HARDWARE)),
            ),
            (
                NEWROUTE,
                struct.pack("8BI", family, 0, 0, 0, MAIN_TABLE, PROTOCOL_BOOT, 0, UNICAST, 0),
                ((4, struct.pack("I", index)), (5, gateway)),
            ),
        ):
            _tell(kernel, kind, head, attributes)


def _tell(
    kernel: socket.socket, kind: int, head: bytes, attributes: tuple[tuple[int, bytes], ...]
) -> None:
    body = head
    for name, value in attributes:
        body += struct.pack("HH", 4 + len(value), name) + value + b"\0" * (-len(value) % 4)
    kernel.send(struct.pack("IHHII", 16 + len(body), kind, FLAGS, 1, 0) + body)
    error = struct.unpack_from("i", kernel.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error), f"rtnetlink {kind}")
