"""Interpreters that are made ahead, one for each language that is asked for: the next context of it takes it over.

A template's warm-up asks for them, so that they lie ready in every copy of the guest. All copies have the same one: what
it has drawn at random by then is no secret any more.
"""

import json
import os
import time

from .languages import LANGUAGES, available, command
from .output import Sink
from .script_process import ScriptProcess
from .signals import kill_group
from .spawn import Spawner
from .system import Identity

# OpenSSL draws fresh entropy when the clock says that it has not done so for an hour, and on nothing else that a copy
# of a machine would notice. So while Node starts, it is yesterday.
YESTERDAY_NS = 86_400 * 10**9
MAX_LINE = 4096


def _reads_clock(language: str) -> bool:
    return "node" in LANGUAGES[language].programs


class Spare:
    def __init__(self, language: str, process: ScriptProcess) -> None:
        self.language = language
        self.process = process
        self.ready = False
        self.heard = False
        self.inbox = b""


class Spares:
    def __init__(self, sink: Sink, spawner: Spawner, identity: Identity, run_folder: str) -> None:
        self._sink = sink
        self._spawner = spawner
        self._identity = identity
        self._run_folder = run_folder
        self._by_language: dict[str, Spare] = {}
        self._behind = False
        self.failure = ""

    def warm(self, languages: list[str]) -> dict[str, object]:
        """Starts those that are not there; is asked again until all are ready."""
        for language in languages:
            if language not in LANGUAGES or language not in available(self._spawner.environment):
                return {"error": "language", "languages": available(self._spawner.environment)}
            if language not in self._by_language and not self.failure:
                self._start(language)
        if self.failure:
            message, self.failure = self.failure, ""
            return {"error": "failed", "message": message}
        spares = [self._by_language[language] for language in languages]
        return {"ready": all(spare.ready for spare in spares)}

    def _start(self, language: str) -> None:
        argv = command(language, self._spawner.environment, self._run_folder, True)
        self._set_clock(self._behind or _reads_clock(language))
        try:
            spare = Spare(language, ScriptProcess(self._sink, self._spawner, argv))
        except OSError as error:
            self._put_clock_right()
            self.failure = f"{language}: {error}"
            return
        self._by_language[language] = spare
        self._sink.loop.watch(spare.process.answers, lambda _events: self._hear(spare))

    def _put_clock_right(self) -> None:
        """Once none is left that is being started under another."""
        spares = self._by_language.values()
        self._set_clock(any(_reads_clock(it.language) and not it.ready for it in spares))

    def _set_clock(self, wanted: bool) -> None:
        if wanted != self._behind:
            self._behind = wanted
            self._identity.set_clock(time.time_ns() + (-YESTERDAY_NS if wanted else YESTERDAY_NS))

    def _hear(self, spare: Spare) -> None:
        try:
            data = os.read(spare.process.answers, 65536)
        except BlockingIOError:
            return
        spare.inbox = (spare.inbox + data)[:MAX_LINE]
        if b"\n" not in spare.inbox and data:
            return
        self._stop_listening(spare)
        try:
            spare.ready = json.loads(spare.inbox)["ready"] is True
        except (ValueError, KeyError, TypeError):
            kill_group(spare.process.pid)  # its end is told by the kernel
        self._put_clock_right()

    def _stop_listening(self, spare: Spare) -> None:
        if not spare.heard:
            spare.heard = True
            self._sink.loop.unwatch(spare.process.answers)

    def take(self, language: str, cwd: str, variables: dict[str, str]) -> ScriptProcess | None:
        """Whoever takes it owns it. None: there is none that fits."""
        spare = self._by_language.get(language)
        if spare is None or not spare.ready or (language == "java" and cwd != self._spawner.home):
            return None  # a Java machine cannot change its folder
        del self._by_language[language]
        try:
            spare.process.adapt(LANGUAGES[language].adapt(cwd, variables, self._run_folder))
        except OSError:
            self._drop(spare)
            return None
        return spare.process

    def distrust(self) -> None:
        """Node reads whom it trusts when it starts, and never again."""
        for language in ("javascript", "typescript"):
            spare = self._by_language.get(language)
            if spare is not None and spare.ready:
                del self._by_language[language]
                self._drop(spare)

    def _drop(self, spare: Spare) -> None:
        kill_group(spare.process.pid)
        for outlet in spare.process.outlets:
            outlet.drop()
        spare.process.close()

    def died(self, pid: int) -> bool:
        """Whether it was one of them."""
        for spare in list(self._by_language.values()):
            if spare.process.pid == pid:
                del self._by_language[spare.language]
                self._stop_listening(spare)
                if not spare.ready:
                    self.failure = f"the interpreter of {spare.language} ended while it was made ready"
                    self._put_clock_right()
                self._drop(spare)
                return True
        return False

    def pids(self) -> list[int]:
        return [spare.process.pid for spare in self._by_language.values()]
