"""The tools of one sandbox, to be called by a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podflare import tools
from podflare.tools import BadArguments, ToolOutput, ToolSpec
from podflare.types import ExecResult

if TYPE_CHECKING:
    from podflare._async.sandbox import AsyncSandbox

FOLDER = "/tmp/outputs"


class AsyncToolset:
    """Tools of a sandbox, which the caller closes.

    :param names: of ``podflare.tools.SPECS``; else all
    :param limit: most characters of one output; what is longer is cut in the middle, and all of it
        is put into a file of the sandbox
    :param timeout_seconds: for each run of code
    """

    def __init__(
        self,
        sandbox: AsyncSandbox,
        names: list[str] | None = None,
        *,
        limit: int = tools.DEFAULT_LIMIT,
        timeout_seconds: int | None = None,
    ) -> None:
        self.sandbox = sandbox
        self.specs: list[ToolSpec] = tools.specs(names)
        self._limit = limit
        self._timeout = timeout_seconds
        self._attempts: list[AsyncSandbox] = []

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolOutput:
        """Does what a model asks. What goes wrong is an output with ``is_error``, for the model."""
        from podflare import errors

        try:
            if name not in [spec.name for spec in self.specs]:
                raise BadArguments(f"there is no tool {name!r}")
            return await self._call(name, arguments)
        except BadArguments as wrong:
            return tools.failed(str(wrong), "bad_arguments")
        except errors.PodflareError as refused:
            return tools.failed(refused.message, refused.code)

    async def _call(self, name: str, arguments: dict[str, Any]) -> ToolOutput:
        if name == tools.RUN_CODE.name:
            code = tools.text_argument(arguments, "code")
            return await self._run(code, tools.language_argument(arguments), self._timeout)
        if name == tools.RUN_BASH.name:
            timeout = tools.number_argument(arguments, "timeout_seconds", 1) or self._timeout
            return await self._run(tools.text_argument(arguments, "command"), "bash", timeout)
        if name == tools.READ_FILE.name:
            return await self._read(arguments)
        if name == tools.WRITE_FILE.name:
            return await self._write(arguments)
        if name == tools.FORK_AND_TRY.name:
            return await self._fork_and_try(arguments)
        return await self._keep_attempt(arguments)

    async def _run(self, code: str, language: str, timeout: int | None) -> ToolOutput:
        result = await self.sandbox.run_code(code, language, timeout_seconds=timeout)
        return await self._output(self.sandbox, result)

    async def _output(self, sandbox: AsyncSandbox, result: ExecResult) -> ToolOutput:
        stdout = await self._cut(sandbox, result.stdout, f"{result.exec_id}.stdout")
        stderr = await self._cut(sandbox, result.stderr, f"{result.exec_id}.stderr")
        return tools.of_result(result, stdout, stderr)

    async def _cut(self, sandbox: AsyncSandbox, text: str, name: str) -> str:
        from podflare import errors

        if len(text) <= self._limit:
            return text
        path: str | None = f"{FOLDER}/{name}"
        try:
            await sandbox.files.write(f"{FOLDER}/{name}", text)
        except errors.PodflareError:  # full, or gone meanwhile
            path = None
        return tools.shorten(text, self._limit, path)

    async def _read(self, arguments: dict[str, Any]) -> ToolOutput:
        path = tools.text_argument(arguments, "path")
        offset = tools.number_argument(arguments, "offset", 0) or 0
        length = tools.number_argument(arguments, "length", 1)
        most = 4 * self._limit + 4  # bytes of so many characters
        total = (await self.sandbox.files.stat(path)).size
        wanted = max(0, total - offset) if length is None else min(length, max(0, total - offset))
        if total and wanted > most:
            half = most // 2
            head = await self.sandbox.files.read(path, offset=offset, length=half)
            rest = await self.sandbox.files.read(path, offset=offset + wanted - half, length=half)
            left_out = wanted - 2 * half
            text = (
                head.decode("utf-8", "replace")[: self._limit // 2]
                + f"\n[… more than {left_out} bytes left out here; ask for a part by offset …]\n"
                + rest.decode("utf-8", "replace")[-(self._limit // 2) :]
            )
        else:
            data = await self.sandbox.files.read(path, offset=offset, length=length)
            text = tools.shorten(data.decode("utf-8", "replace"), self._limit, path)
        return ToolOutput(text, {"content": text, "size": total})

    async def _write(self, arguments: dict[str, Any]) -> ToolOutput:
        path = tools.text_argument(arguments, "path")
        written = await self.sandbox.files.write(path, tools.text_argument(arguments, "content"))
        data = {"path": written.path, "size": written.size}
        return ToolOutput(f"wrote {written.size} bytes to {written.path}", data)

    async def _fork_and_try(self, arguments: dict[str, Any]) -> ToolOutput:
        attempts = tools.texts_argument(arguments, "attempts", tools.MAX_ATTEMPTS)
        language = tools.language_argument(arguments)
        await self.drop_attempts()
        tried = await self.sandbox.fanout(
            attempts, language=language, timeout_seconds=self._timeout
        )
        self._attempts = list(tried.children)
        outputs = []
        for child, result in zip(tried.children, tried.results, strict=True):
            if result is None:
                raise RuntimeError("an attempt has no result")
            outputs.append(await self._output(child, result))
        pieces = [f"attempt {number}:\n{one.text}" for number, one in enumerate(outputs, 1)]
        pieces.append("Call keep_attempt with the number of the one to go on with, or 0.")
        return ToolOutput(
            "\n\n".join(pieces),
            {"attempts": [one.data for one in outputs]},
            [image for one in outputs for image in one.images][: tools.MAX_IMAGES],
        )

    async def _keep_attempt(self, arguments: dict[str, Any]) -> ToolOutput:
        number = tools.number_argument(arguments, "attempt", 0)
        if number is None or number > len(self._attempts):
            raise BadArguments(f"attempt must be 0 to {len(self._attempts)}; fork_and_try is first")
        if number > 0:
            winner = self._attempts.pop(number - 1)
            await self.sandbox.merge_into(winner)
            await winner.aclose()
        await self.drop_attempts()
        said = f"the machine goes on as attempt {number} left it" if number else "all are dropped"
        return ToolOutput(said, {"kept": number})

    async def drop_attempts(self) -> None:
        """Closes what attempts are left of the last ``fork_and_try``."""
        while self._attempts:
            await self._attempts.pop().aclose()
