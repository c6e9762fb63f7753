# shellcheck shell=bash
# Messages of the launcher. All go to stderr.

say() {
  printf 'podflare: %s\n' "$*" >&2
}

# die EXIT_CODE MESSAGE…: 2 when the caller can mend it, 1 when we failed.
die() {
  local code=$1
  shift
  say "$@"
  exit "$code"
}
