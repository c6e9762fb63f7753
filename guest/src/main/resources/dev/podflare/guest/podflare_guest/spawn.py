"""Starts user processes: own session, default signals, the user's cgroup and environment."""

import copy
import os
import signal

BASE_ENVIRONMENT = {
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}
# The image may add to or change the environment of user processes: lines of NAME=VALUE.
ENVIRONMENT_FILE = "/etc/podflare/environment"


def guest_environment() -> dict[str, str]:
    environment = dict(BASE_ENVIRONMENT)
    try:
        with open(ENVIRONMENT_FILE, encoding="utf-8") as lines:
            for line in lines:
                name, equals, value = line.strip().partition("=")
                if equals and name and not name.startswith("#"):
                    environment[name] = value
    except OSError:
        pass
    return environment


def which(program: str, environment: dict[str, str]) -> str:
    for folder in environment.get("PATH", "").split(":"):
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    return "/usr/bin/" + program


def why(error: Exception) -> str:
    """Why a program does not start, for people."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


class Spawner:
    """`cgroup_procs`: descriptor of the user cgroup's cgroup.procs, or -1 where there is none."""

    def __init__(self, environment: dict[str, str], home: str, cgroup_procs: int = -1) -> None:
        self.environment = environment
        self.home = home
        self._cgroup_procs = cgroup_procs
        # The agent stays on one CPU, where the interpreter waits for it as well: to wake a process on another
        # virtual CPU costs milliseconds under emulation. What it starts may use all of them.
        self._all_cpus = os.sched_getaffinity(0)
        self._home_cpu: set[int] | None = None
        if len(self._all_cpus) > 1:
            self._home_cpu = {min(self._all_cpus)}
            os.sched_setaffinity(0, self._home_cpu)
        self._defaults = [
            signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP
        ]  # fmt: skip

    def like(self, variables: dict[str, str], home: str) -> "Spawner":
        """The same with other variables, added to those that are, and another folder to begin in."""
        other = copy.copy(self)
        other.environment = {**self.environment, **variables}
        other.home = home
        return other

    def spawn(
        self,
        argv: list[str],
        environment: dict[str, str],
        cwd: str,
        fds: dict[int, int],
        terminal: str | None = None,
        is_ours: bool = False,
        program: str | None = None,
    ) -> int:
        """Pid of the new process. `fds`: the child's descriptor to ours. OSError if it cannot start.

        `terminal`: path of one that becomes its controlling terminal and its standard streams.
        `program`: path of what is run, where the first word is not it.
        `is_ours`: it is not the user's, and not in the user's cgroup.
        """
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
        if terminal is not None:
            # The leader of a session takes the first terminal that it opens for its own.
            actions.append((os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0))
            actions += [(os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in fds.items()]
        os.chdir(cwd)
        if self._home_cpu is not None:
            os.sched_setaffinity(0, self._all_cpus)
        try:
            pid = os.posix_spawn(
                program or argv[0],
                argv,
                environment,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=self._defaults,
            )
        finally:
            os.chdir("/")
            if self._home_cpu is not None:
                os.sched_setaffinity(0, self._home_cpu)
        if self._cgroup_procs >= 0 and not is_ours:
            os.write(self._cgroup_procs, b"%d" % pid)
        return pid
