"""Tries for ever to reach the targets that it is given as ADDRESS:PORT, by TCP and by UDP."""

import socket
import sys
import time

HELLO = b"GET / HTTP/1.1\r\nHost: files.example\r\n\r\n"
TARGETS = [(word.split(":")[0], int(word.split(":")[1])) for word in sys.argv[1:]]


def tcp(target):
    with socket.create_connection(target, 0.5) as connection:
        connection.sendall(HELLO)
        connection.recv(100)


def udp(target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocker:
        knocker.sendto(HELLO, target)


while True:
    for target in TARGETS:
        for way in (tcp, udp):
            try:
                way(target)
            except OSError:
                pass
    time.sleep(0.05)
