"""Plays the hypervisor: carries frames between a slot's tap and the guest's link.

relay.py SLOT_NAMESPACE TAP UID GUEST_NAMESPACE GUEST_LINK
The slot's tap is opened as UID, without capabilities, as a jailed hypervisor does.
"""

import ctypes
import fcntl
import os
import select
import struct
import sys

TUNSETIFF = 0x400454CA
TAP_WITHOUT_HEADER = 0x1002


def enter(namespace: str) -> None:
    fd = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(fd)


def attach(fd: int, name: str) -> None:
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEADER))


def main(slot: str, tap: str, uid: str, guest: str, link: str) -> None:
    enter(guest)
    inner = os.open("/dev/net/tun", os.O_RDWR)
    attach(inner, link)
    enter(slot)
    outer = os.open("/dev/net/tun", os.O_RDWR)
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
    attach(outer, tap)
    print("attached", flush=True)
    while True:
        for fd in select.select([inner, outer, sys.stdin], [], [])[0]:
            if fd is sys.stdin:
                return
            frame = os.read(fd, 65536)
            try:
                os.write(outer if fd == inner else inner, frame)
            except OSError:
                pass


main(*sys.argv[1:])
