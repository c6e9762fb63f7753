# shellcheck shell=bash
# What the suites share that are no Java: a virtual environment, and a daemon of their own on
# loopback. A suite sets SUITE and HERE, sources this file and calls "finish" when it exits.
#
# Kept between runs: the virtual environment (.venv in the suite's folder) and built templates:
# $PODFLARE_TEMPLATES, else /var/lib/podflare/templates for root and ~/.podflare/templates.

ROOT=$(cd -- "$HERE/../.." && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/podflare-$SUITE.XXXXXX")
readonly ROOT WORK
readonly VENV="$HERE/.venv"
readonly DATA="$WORK/data"
readonly LOG="$WORK/serve.log"
readonly PIP_SECONDS=300
readonly START_SECONDS=120
readonly STOP_SECONDS=60
DAEMON=
PORT=

say() {
  printf '%s: %s\n' "$SUITE" "$*" >&2
}

fail() {
  say "$@"
  exit 1
}

# The lock is on a file that exists anyway, so there is nothing to clean up.
make_venv() {
  exec 9<"$HERE/requirements.txt"
  flock --wait "$PIP_SECONDS" 9 || fail "another run has been installing for too long"
  if ! cmp -s "$HERE/requirements.txt" "$VENV/installed.txt"; then
    say "installing what requirements.txt names into $VENV"
    rm -rf "$VENV"
    "$(find_python)" -m venv "$VENV"
    timeout "$PIP_SECONDS" "$VENV/bin/python" -m pip install -q --disable-pip-version-check \
      --only-binary :all: -r "$HERE/requirements.txt" || fail "pip could not install (see above)"
    cp "$HERE/requirements.txt" "$VENV/installed.txt"
  fi
  exec 9<&-
}

find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  fail "no Python 3.11 or newer; install python3 and python3-venv"
}

templates_folder() {
  if ((EUID == 0)); then
    printf '%s\n' "${PODFLARE_TEMPLATES:-/var/lib/podflare/templates}"
  else
    printf '%s\n' "${PODFLARE_TEMPLATES:-$HOME/.podflare/templates}"
  fi
}

build_template() {
  "$ROOT/podflare" template build "$1" --templates "$(templates_folder)" ||
    fail "template $1 was not built (see above)"
}

random_text() {
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# start_daemon KEYS CONFIG ARGUMENT…: sets PORT and DAEMON. CONFIG is a function that prints the
# configuration; it is called when the port is chosen, since it may name it.
start_daemon() {
  local keys=$1 config=$2 attempt
  shift 2
  for attempt in 1 2 3; do
    PORT=$(free_port)
    "$config" >"$WORK/serve.yaml"
    : >"$LOG" # here, not only by the job below, lest an earlier daemon's line be taken for this one's
    PODFLARE_API_KEYS=$keys "$ROOT/podflare" serve --config "$WORK/serve.yaml" \
      --listen "127.0.0.1:$PORT" --data "$DATA" --templates "$(templates_folder)" \
      "$@" </dev/null >"$LOG" 2>&1 &
    DAEMON=$!
    ! daemon_listens || return 0
    say "the daemon did not start (attempt $attempt):"
    cat "$LOG" >&2
    stop_daemon || true
  done
  fail "giving up"
}

free_port() {
  "$(find_python)" -c '
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

daemon_listens() {
  local end=$((SECONDS + START_SECONDS))
  until grep -q '^podflare: listening on ' "$LOG"; do
    if ! kill -0 "$DAEMON" 2>/dev/null || ((SECONDS > end)); then
      return 1
    fi
    sleep 0.2
  done
}

# run_pytest REPORT NAME=VALUE… -- ARGUMENT…: runs the tests of this suite with that much of an
# environment. They see nothing of this machine's settings: no proxy, no key, no remembered region.
run_pytest() {
  local report=$1 environment=()
  shift
  while [[ $1 != -- ]]; do
    environment+=("$1")
    shift
  done
  shift
  mkdir -p "$WORK/home" "${PODFLARE_REPORTS:=$ROOT/target/$SUITE}"
  env -i PATH="$PATH" LANG=C.UTF-8 HOME="$WORK/home" TMPDIR="$WORK" PYTHONDONTWRITEBYTECODE=1 \
    PODFLARE_API_URL="http://127.0.0.1:$PORT" PODFLARE_REPORTS="$PODFLARE_REPORTS" "${environment[@]}" \
    "$VENV/bin/python" -m pytest -c "$HERE/pyproject.toml" --rootdir "$HERE" \
    --junitxml "$PODFLARE_REPORTS/$report.xml" "$@" "$HERE"
}

finish() {
  local status=$?
  trap - EXIT
  stop_daemon || status=1
  if ((status != 0)) && [[ -e $LOG ]]; then
    say "the end of the daemon's log:"
    tail -n 40 "$LOG" >&2
  fi
  rm -rf "$WORK"
  exit "$status"
}

# Ends the daemon and looks whether it took everything with it.
stop_daemon() {
  [[ -n $DAEMON ]] || return 0
  local end=$((SECONDS + STOP_SECONDS)) left=
  kill -TERM "$DAEMON" 2>/dev/null || true
  while kill -0 "$DAEMON" 2>/dev/null && ((SECONDS <= end)); do
    sleep 0.1
  done
  if kill -KILL "$DAEMON" 2>/dev/null; then
    say "the daemon did not end within $STOP_SECONDS s of its signal"
    left=yes
  fi
  wait "$DAEMON" 2>/dev/null || true
  DAEMON=
  if grep -lsF "$DATA" /proc/[0-9]*/cmdline /proc/[0-9]*/mountinfo >&2; then
    say "the daemon left the processes and mounts above"
    left=yes
  fi
  [[ -z $left ]]
}
