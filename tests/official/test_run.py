"""Code, its output and its exit code."""

from __future__ import annotations

import pytest
from podflare import ExecResult, Sandbox


def test_python_prints(sandbox: Sandbox) -> None:
    assert sandbox.run_code("print(6 * 7)") == ExecResult("42", "", 0)
    assert sandbox.run_code("print(6 * 7)").ok


def test_bash_has_both_streams_and_its_own_exit_code(sandbox: Sandbox) -> None:
    result = sandbox.run_code("echo out; echo err >&2; exit 3", language="bash")
    assert result == ExecResult("out", "err", 3)
    assert not result.ok


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("print('a\\n\\nb')", "a\n\nb"),
        ("print('no newline', end='')", "no newline"),
        ("print()", ""),
        ("print('\\n')", "\n"),
        ("pass", ""),
        ("6 * 7", ""),
        ("print('half', end=' '); print('other half')", "half other half"),
        ("import subprocess; subprocess.run(['echo', 'of a child'])", "of a child"),
        ("import os; os.write(1, b'raw') and None", "raw"),
    ],
)
def test_lines_are_joined_as_they_were_written(sandbox: Sandbox, code: str, stdout: str) -> None:
    assert sandbox.run_code(code) == ExecResult(stdout, "", 0)


@pytest.mark.parametrize(
    "text",
    [
        "naïve café — 日本語 العربية",
        "🎉 👩‍👩‍👧 \U0010ffff",
        "tab\tbell\x07 escape\x1b[31m nul\x00 del\x7f",
        "quotes \" ' and \\ backslash </script>",
        "carriage\rreturn",
        # Each of these ends a line for the client's HTTP library, but not for JSON.
        "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i",
    ],
)
@pytest.mark.parametrize("language", ["python", "bash"])
def test_text_comes_back_as_it_was(sandbox: Sandbox, text: str, language: str) -> None:
    if language == "python":
        code = f"print({text!r})"
    else:
        octets = "".join(f"\\x{octet:02x}" for octet in text.encode())
        code = f"printf '{octets}\\n'"
    assert sandbox.run_code(code, language=language) == ExecResult(text, "", 0)


def test_text_in_the_code_reaches_the_guest(sandbox: Sandbox) -> None:
    code = "print([hex(ord(c)) for c in 'é€🎉\u2028'], '\x01\x7f'.encode())"
    expected = "['0xe9', '0x20ac', '0x1f389', '0x2028'] b'\\x01\\x7f'"
    assert sandbox.run_code(code).stdout == expected


def test_bytes_that_are_no_text_are_replaced(sandbox: Sandbox) -> None:
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) + b'\\nend\\n')"
    result = sandbox.run_code(code)
    assert result.exit_code == 0
    assert result.stdout.startswith("".join(map(chr, range(128))) + "\ufffd")
    assert result.stdout.endswith("\ufffd\nend")


def test_much_output_is_whole_and_in_order(sandbox: Sandbox) -> None:
    result = sandbox.run_code("for i in range(50_000): print(i)")
    assert result.stdout.split("\n") == [str(i) for i in range(50_000)]


def test_a_long_line_stays_one(sandbox: Sandbox) -> None:
    events = list(sandbox.run_code_stream("print('x' * 3_000_000 + 'y')"))
    assert [event.type for event in events] == ["stdout", "exit"]
    assert events[0].data == "x" * 3_000_000 + "y"


def test_state_stays_between_calls(sandbox: Sandbox) -> None:
    sandbox.run_code(
        "import os, math, threading\n"
        "numbers = [1, 2]\n"
        "def double(n): return 2 * n\n"
        "file = open('/tmp/kept', 'w+'); file.write('kept')\n"
        "os.chdir('/tmp')\n"
        "event = threading.Event()\n"
        "threading.Thread(target=event.wait, daemon=True).start()"
    )
    result = sandbox.run_code(
        "numbers.append(double(math.floor(1.5)))\n"
        "file.seek(0)\n"
        "print(numbers, file.read(), os.getcwd(), threading.active_count() >= 2)"
    )
    assert result == ExecResult("[1, 2, 2] kept /tmp True", "", 0)


def test_bash_is_a_fresh_process_on_the_same_disk(sandbox: Sandbox) -> None:
    sandbox.run_code("name=value; cd /tmp; echo text >/tmp/shared", language="bash")
    result = sandbox.run_code('echo "[$name]"; pwd; cat /tmp/shared', language="bash")
    assert result.stdout == "[]\n/root\ntext"
    assert sandbox.run_code("print(open('/tmp/shared').read())").stdout == "text\n"


@pytest.mark.parametrize(
    ("code", "last_line"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("input()", "EOFError: EOF when reading a line"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_an_exception_ends_the_call_alone(sandbox: Sandbox, code: str, last_line: str) -> None:
    sandbox.run_code("before = 'kept'")
    result = sandbox.run_code("print('first')\n" + code)
    assert result.exit_code == 1
    assert result.stdout in ("first", "")  # a syntax error runs nothing
    assert result.stderr.split("\n")[-1] == last_line
    assert sandbox.run_code("print(before)").stdout == "kept"


def test_a_traceback_shows_the_callers_code(sandbox: Sandbox) -> None:
    sandbox.run_code("def broken():\n    raise LookupError('deep')")
    stderr = sandbox.run_code("broken()  # outer").stderr
    assert "raise LookupError('deep')" in stderr
    assert "broken()  # outer" in stderr
    assert "podflare" not in stderr


@pytest.mark.parametrize(
    ("code", "exit_code", "stderr"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('a word')", 1, "a word"),
        ("exit(4)", 4, ""),
    ],
)
def test_system_exit_has_its_own_code(
    sandbox: Sandbox, code: str, exit_code: int, stderr: str
) -> None:
    sandbox.run_code("before = 'kept'")
    assert sandbox.run_code(code) == ExecResult("", stderr, exit_code)
    assert sandbox.run_code("print(before)").stdout == "kept"


def test_an_interrupt_of_its_own_ends_like_one_from_outside(sandbox: Sandbox) -> None:
    assert sandbox.run_code("raise KeyboardInterrupt").exit_code == 130
    assert sandbox.run_code("print(1)").stdout == "1"


def test_a_lost_interpreter_comes_back_empty(sandbox: Sandbox) -> None:
    sandbox.run_code("before = 1")
    assert sandbox.run_code("import os; os._exit(9)").exit_code == 9
    assert sandbox.run_code("import os, signal; os.kill(os.getpid(), 9)").exit_code == 137
    assert sandbox.run_code("print('before' in globals())") == ExecResult("False", "", 0)


def test_bash_exit_codes(sandbox: Sandbox) -> None:
    for code, expected in [("kill -TERM $$", 143), ("no-such-command", 127), ("false", 1)]:
        assert sandbox.run_code(code, language="bash").exit_code == expected


def test_bash_reads_no_input(sandbox: Sandbox) -> None:
    assert sandbox.run_code("cat; echo end", language="bash") == ExecResult("end", "", 0)
