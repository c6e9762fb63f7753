"""Plays the hypervisor: carries frames between a slot's tap and the guest's link.

relay.py SLOT_NAMESPACE TAP UID GUEST_NAMESPACE GUEST_LINK
The slot's tap is opened as UID, without capabilities, as a jailed hypervisor does.
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
TAP_WITHOUT_HEADER = 0x1002
PROBE = bytes(12) + b"\x88\xb5" + bytes(46)  # a type of frame for experiments


def enter(namespace: str) -> None:
    fd = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(fd)


def attach(fd: int, name: str) -> None:
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEADER))


def sender(link: str) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    packets.bind((link, 0))
    return packets


def await_carrier(packets: socket.socket, tap: int) -> None:
    """Returns once what is sent on the link comes out of its tap.

    A kernel lets a link send a moment after it has a carrier, and drops what is sent before.
    """
    with packets:
        arrived = b""
        while arrived != PROBE:
            packets.send(PROBE)
            if select.select([tap], [], [], 0.01)[0]:
                arrived = os.read(tap, 65536)


def main(slot: str, tap: str, uid: str, guest: str, link: str) -> None:
    enter(guest)
    inner = os.open("/dev/net/tun", os.O_RDWR)
    attach(inner, link)
    await_carrier(sender(link), inner)
    enter(slot)
    to_tap = sender(tap)
    outer = os.open("/dev/net/tun", os.O_RDWR)
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
    attach(outer, tap)
    await_carrier(to_tap, outer)
    print("attached", flush=True)
    while True:
        for fd in select.select([inner, outer, sys.stdin], [], [])[0]:
            if fd is sys.stdin:
                return
            frame = os.read(fd, 65536)
            if frame == PROBE:
                continue  # one of several that were sent
            try:
                os.write(outer if fd == inner else inner, frame)
            except OSError:
                pass


main(*sys.argv[1:])
