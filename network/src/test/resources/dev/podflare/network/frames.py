"""What no socket of Java's can do: raw frames and raw packets, from within a namespace.

frames.py NAMESPACE send LINK HEX...        sends frames as they are
frames.py NAMESPACE ask LINK HEX            sends a frame, prints the first ARP answer or "none"
frames.py NAMESPACE neighbour LINK HEX      sends a frame, prints the first IPv6 neighbour advertisement or "none"
frames.py NAMESPACE protocol ADDRESS N      sends a packet of IP protocol N
frames.py NAMESPACE hear N [6]              prints "heard" for the first packet of protocol N, of IPv6
frames.py NAMESPACE dial ADDRESS PORT       connects to any spelling of an address, prints "open", "refused" or what else
frames.py NAMESPACE ping ADDRESS            sends an echo request, prints the same
"""

import ctypes
import os
import socket
import sys


def enter(namespace: str) -> None:
    fd = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    os.close(fd)


def frames(link: str, kind: int = 0x0806) -> socket.socket:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
    raw.bind((link, 0))
    raw.settimeout(1.5)
    return raw


def main(namespace: str, verb: str, *words: str) -> None:
    enter(namespace)
    if verb == "send":
        raw = frames(words[0])
        for frame in words[1:]:
            raw.send(bytes.fromhex(frame))
    elif verb == "ask":
        raw = frames(words[0])
        raw.send(bytes.fromhex(words[1]))
        try:
            while True:
                answer = raw.recv(2048)
                if answer[20:22] == b"\x00\x02":
                    print(answer.hex())
                    return
        except TimeoutError:
            print("none")
    elif verb == "neighbour":
        raw = frames(words[0], 0x86DD)
        raw.send(bytes.fromhex(words[1]))
        try:
            while True:
                answer = raw.recv(2048)
                if answer[20] == 58 and answer[54] == 136:
                    print(answer.hex())
                    return
        except TimeoutError:
            print("none")
    elif verb == "protocol":
        family = socket.AF_INET6 if ":" in words[0] else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_RAW, int(words[1]))
        raw.sendto(b"payload of no meaning", (words[0], 0))
    elif verb == "hear":
        family = socket.AF_INET6 if words[1:] == ("6",) else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_RAW, int(words[0]))
        raw.settimeout(1.5)
        print("listening", flush=True)
        try:
            raw.recv(2048)
            print("heard")
        except TimeoutError:
            print("none")
    elif verb == "dial":
        print(dial(words[0], int(words[1])))
    elif verb == "ping":
        print(ping(words[0]))


def dial(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), 1.5) as stream:
            stream.sendall(b"hello")
            return "open" if stream.recv(5) == b"hello" else "refused"
    except ConnectionError:
        return "refused"
    except OSError as e:
        return str(e)


def ping(address: str) -> str:
    six = ":" in address
    # What asks, what answers, and what says that it is unreachable; in IPv6 the kernel sums.
    ask, answer, refusal = (128, 129, 1) if six else (8, 0, 3)
    raw = (
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
        if six
        else socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    )
    raw.settimeout(1.5)
    raw.sendto(bytes([ask, 0]) + (0xFFFF - (ask << 8)).to_bytes(2, "big") + bytes(4), (address, 0))
    try:
        while True:
            packet = raw.recv(2048)
            kind = packet[0] if six else packet[20]
            if kind in (answer, refusal):
                return "open" if kind == answer else "refused"
    except TimeoutError:
        return "none"


main(*sys.argv[1:])
