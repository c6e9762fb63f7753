"""What the first process of a machine owes it: mounts, network, clock, entropy, identity, cgroups."""

import ctypes
import fcntl
import os
import resource
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from . import ipv6
from .trust import trust

CGROUP = "/sys/fs/cgroup"
USER_CGROUP = CGROUP + "/user"
RESERVE_BYTES = 64 << 20
RESERVE_SHARE = 0.08
# A fork bomb must come to its end before memory does: one shell, say, takes a third of this.
MEMORY_PER_PROCESS = 1 << 20
PROCESSES = (512, 4096)
MAX_OPEN_FILES = 65536
RNDADDENTROPY = 0x40085203
RNDRESEEDCRNG = 0x5207
SIOCADDRT = 0x890B
SIOCSIFFLAGS = 0x8914
SIOCSIFADDR = 0x8916
SIOCSIFNETMASK = 0x891C
RTF_UP, RTF_GATEWAY = 1, 2
CARD = "eth0"
ADDRESS, NETMASK, GATEWAY = "192.0.0.2", "255.255.255.248", "192.0.0.1"
IFF_UP = 1
MAX_HOST_NAME = 64
USUAL_HOSTS = 4096
MAX_HOSTS = 1 << 20
HOSTS_MARK = b" # podflare\n"
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
# Together the file systems in memory take less than the user cgroup may: full, they must leave room for processes.
MOUNTS = (
    ("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""),
    ("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""),
    ("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755"),
    ("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"),
    ("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=50%"),
    ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=10%"),
    ("cgroup2", CGROUP, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "favordynmods"),
)


def log(text: str) -> None:
    try:
        os.write(2, f"podflare: {text}\n".encode(errors="replace"))
    except OSError:
        pass


def boot() -> None:
    """Brings the machine up. What fails is logged, and the rest is done all the same."""
    for step in (
        _mount_all,
        _lift_limits,
        _quiet_ipv6,
        _bring_up_network,
        _bring_up_ipv6,
        _grow_root,
        _keep_names_in_memory,
        _set_host_name,
        _load_modules,
    ):
        try:
            step()
        except (OSError, ValueError) as error:
            log(f"{step.__name__}: {error}")


def _mount_all() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for source, target, kind, flags, options in MOUNTS:
        if os.path.ismount(target):
            continue
        os.makedirs(target, exist_ok=True)
        for data in (options, ""):
            if libc.mount(
                source.encode(), target.encode(), kind.encode(), flags, data.encode()
            ) == 0:  # fmt: skip
                break
        else:
            log(f"mount {target}: {os.strerror(ctypes.get_errno())}")
    for link, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        if not os.path.lexists("/dev/" + link):
            os.symlink("/proc/self/fd" + target, "/dev/" + link)
    os.makedirs("/run/lock", mode=0o1777, exist_ok=True)
    os.chmod("/tmp", 0o1777)


def _lift_limits() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    # User processes inherit this; the kernel never picks process 1 itself.
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("500")


def _bring_up_network() -> None:
    """Every guest has the same addresses: nothing to ask for, and a copy's network works in its first packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        if not os.path.exists("/sys/class/net/" + CARD):
            return
        card = CARD.encode()
        for request, address in ((SIOCSIFADDR, ADDRESS), (SIOCSIFNETMASK, NETMASK)):
            fcntl.ioctl(any_socket, request, struct.pack("16s16s", card, _sockaddr(address)))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", card, IFF_UP))
        route = struct.pack(
            "8x16s16s16sH62x",
            _sockaddr("0.0.0.0"),
            _sockaddr(GATEWAY),
            _sockaddr("0.0.0.0"),
            RTF_UP | RTF_GATEWAY,
        )
        fcntl.ioctl(any_socket, SIOCADDRT, route)


def _quiet_ipv6() -> None:
    if os.path.exists("/sys/class/net/" + CARD):
        ipv6.quiet(CARD)


def _bring_up_ipv6() -> None:
    if os.path.exists("/sys/class/net/" + CARD):
        ipv6.bring_up(CARD)


def _sockaddr(address: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def _load_modules() -> None:
    """What a first mount of a volume would wait for; it is part of the template's memory then."""
    argv = ["/usr/sbin/modprobe", "--quiet", "--all", "nfs", "nfsv3"]
    if os.access(argv[0], os.X_OK):
        pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        os.waitpid(pid, 0)


def _keep_names_in_memory() -> None:
    """What every copy gets anew is kept off the disk, where the file system's code and its journal would be most of the
    work of a renewal.
    """
    for path, place in (("/etc/machine-id", "/run/machine-id"), ("/etc/hosts", "/run/hosts")):
        if not os.path.islink(path):
            if os.path.exists(path):
                with open(path, "rb") as old, open(place, "wb") as new:
                    new.write(old.read(MAX_HOSTS))
            os.symlink(place, path + ".new")
            os.rename(path + ".new", path)


def _set_host_name() -> None:
    socket.sethostname("podflare")
    _name_in_hosts(b"podflare")


def _grow_root() -> None:
    """Fills the disk if it is larger than the file system on it, as read from the ext4 superblock."""
    with open("/sys/class/block/vda/size", encoding="ascii") as text:
        disk = int(text.read()) * 512
    with open("/dev/vda", "rb") as device:
        device.seek(1024)
        block = device.read(1024)
    low, log_size, high = (
        struct.unpack_from("<I", block, offset)[0] for offset in (4, 0x18, 0x150)
    )
    has_high = struct.unpack_from("<I", block, 0x60)[0] & 0x80
    size = (low + (high << 32 if has_high else 0)) << (10 + log_size)
    if disk - size > 1 << 20:
        argv = ["/usr/sbin/resize2fs", "/dev/vda"]
        pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        os.waitpid(pid, 0)


def make_user_cgroup() -> int:
    """Descriptor of the user cgroup's cgroup.procs, or -1 where the kernel has no such cgroup."""
    try:
        with open(CGROUP + "/cgroup.subtree_control", "w", encoding="ascii") as control:
            # With "cpu" all user processes together get what the agent alone would.
            control.write("+cpu +memory +pids")
        os.makedirs(USER_CGROUP, exist_ok=True)
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        reserve = max(RESERVE_BYTES, int(total * RESERVE_SHARE))
        processes = min(max(total // MEMORY_PER_PROCESS, PROCESSES[0]), PROCESSES[1])
        for name, value in (
            ("memory.max", max(total - reserve, total // 2)),
            ("pids.max", processes),
            ("memory.oom.group", 0),
        ):
            with open(f"{USER_CGROUP}/{name}", "w", encoding="ascii") as setting:
                setting.write(str(value))
        return os.open(USER_CGROUP + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        log(f"cgroup: {error}")
        return -1


def find_port() -> str | None:
    """Device of the virtio port that the host calls podflare.agent."""
    folder = "/sys/class/virtio-ports"
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        with open(f"{folder}/{entry}/name", encoding="ascii") as name:
            if name.read().strip() == "podflare.agent":
                return "/dev/" + entry
    return None


class LimitWatch:
    """Tells whether user processes ran into a limit of their cgroup since it was last asked."""

    def __init__(self, enabled: bool, *events: tuple[str, str]) -> None:
        self._events = events if enabled else ()
        self._seen = 0
        self.rose()  # what was before does not count

    def rose(self) -> bool:
        try:
            count = sum(_cgroup_event(file, name) for file, name in self._events)
        except (OSError, ValueError):
            return False
        changed = count != self._seen
        self._seen = count
        return changed


def _cgroup_event(file: str, name: str) -> int:
    with open(f"{USER_CGROUP}/{file}", encoding="ascii") as events:
        return int(dict(line.split() for line in events).get(name, 0))


def oom_kills(enabled: bool) -> LimitWatch:
    return LimitWatch(enabled, ("memory.events", "oom_kill"))


def refusals(enabled: bool) -> LimitWatch:
    """Forks that were refused, or memory that was."""
    return LimitWatch(enabled, ("pids.events", "max"), ("memory.events", "oom"))


def set_clock(time_ns: int) -> None:
    time.clock_settime_ns(time.CLOCK_REALTIME, time_ns)


class Renewal(NamedTuple):
    """What makes a copy a machine of its own."""

    epoch: int
    time_ns: int
    hostname: bytes
    machine_id: bytes
    entropy: bytes
    windows: dict[int, int]  # of the calls that go on

    @classmethod
    def parse(cls, payload: bytes) -> "Renewal":
        """A line of words and one for each call. No JSON: all code that a copy runs first is slow when emulated."""
        head, *calls = payload.splitlines()
        epoch, time_ns, hostname, machine_id, entropy = head.split()
        windows = dict(map(int, call.split()) for call in calls)
        raw = bytes.fromhex(entropy.decode())
        return cls(int(epoch), int(time_ns), hostname, machine_id, raw, windows)


class Identity:
    """Applies a renewal to the machine."""

    def __init__(self) -> None:
        self._random = os.open("/dev/random", os.O_WRONLY | os.O_CLOEXEC)

    def renew(self, renewal: Renewal) -> list[str]:
        """Names of the steps that failed; every step is tried."""
        steps: dict[str, Callable[[], object]] = {
            "entropy": lambda: self._mix(renewal.entropy),
            "clock": lambda: set_clock(renewal.time_ns),
            "hostname": lambda: socket.sethostname(renewal.hostname.decode()),
            "machine_id": lambda: _write_in_place("/etc/machine-id", renewal.machine_id + b"\n"),
            "hosts": lambda: _name_in_hosts(renewal.hostname),
        }
        failed = []
        for name, step in steps.items():
            try:
                step()
            except (OSError, ValueError) as error:
                log(f"renew {name}: {error}")
                failed.append(name)
        return failed

    def _mix(self, data: bytes) -> None:
        """Makes a clone's random numbers its own: credited, and in force at once."""
        fcntl.ioctl(
            self._random, RNDADDENTROPY, struct.pack("ii", len(data) * 8, len(data)) + data
        )
        fcntl.ioctl(self._random, RNDRESEEDCRNG)

    def set_name(self, hostname: bytes) -> None:
        socket.sethostname(hostname.decode())
        _name_in_hosts(hostname)

    def set_clock(self, time_ns: int) -> None:
        set_clock(time_ns)

    def trust(self, payload: bytes) -> str:
        """Why it could not be done; empty: it was."""
        try:
            trust(payload)
            return ""
        except (OSError, ValueError) as error:
            return str(error)


class NoIdentity(Identity):
    """For an agent that is not alone on its machine: changes nothing of it."""

    def __init__(self) -> None:
        pass

    def renew(self, renewal: Renewal) -> list[str]:
        return []

    def set_name(self, hostname: bytes) -> None:
        pass

    def set_clock(self, time_ns: int) -> None:
        pass

    def trust(self, payload: bytes) -> str:
        return ""


def _write_in_place(path: str, text: bytes) -> None:
    """Overwrites without a new block, so that it also works on a full disk."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text)
        if os.lseek(fd, 0, os.SEEK_END) > len(text):
            os.ftruncate(fd, len(text))
    finally:
        os.close(fd)


def _name_in_hosts(name: bytes) -> None:
    """Lets the machine find itself by name; lines of the user's own are kept.

    Our line always has the same length, so that usually only its bytes are written over.
    """
    line = b"127.0.1.1 " + name.ljust(MAX_HOST_NAME) + HOSTS_MARK
    fd = os.open("/etc/hosts", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        old = os.read(fd, USUAL_HOSTS)
        if len(old) == USUAL_HOSTS:
            old += os.read(fd, MAX_HOSTS - USUAL_HOSTS)
        end = old.rfind(HOSTS_MARK) + len(HOSTS_MARK)
        start = old.rfind(b"\n", 0, end - 1) + 1
        if end >= len(line) and end - start == len(line):
            os.pwrite(fd, line, start)
        else:
            if old and not old.endswith(b"\n"):
                line = b"\n" + line
            os.pwrite(fd, line if old else b"127.0.0.1 localhost\n::1 localhost\n" + line, len(old))
    finally:
        os.close(fd)
