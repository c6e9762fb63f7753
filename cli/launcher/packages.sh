# shellcheck shell=bash
# System packages that a verb needs, and their installation on Debian and Ubuntu.

# package=probe: a command, an absolute path, "static:COMMAND", "py:MODULE" or "any:PATTERN" of paths. What is there already, however it
# came, is not installed again.
readonly GUEST_PACKAGES=(
  qemu-system-x86=qemu-system-x86_64
  bubblewrap=bwrap
  mmdebstrap=mmdebstrap
  e2fsprogs=mke2fs
  busybox-static=static:busybox
  kmod=depmod
  xz-utils=xz
  zstd=zstd
  cpio=cpio
  util-linux=setpriv
  debian-archive-keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  iproute2=ip
  libnftables1=/usr/lib/x86_64-linux-gnu/libnftables.so.1
)
readonly BUILD_PROBE=mvn
readonly BUILD_PACKAGES=("maven=$BUILD_PROBE")
readonly TEST_PACKAGES=(
  maven=mvn
  python3=python3
  python3-venv=py:ensurepip
  curl=curl
  openssl=openssl
  git=git
  libfaketime=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1
  qemu-utils=qemu-img
  nftables=nft
  netbase=/etc/protocols
  tmux=tmux
  postgresql=any:/usr/lib/postgresql/*/bin/initdb
)

readonly PACKAGE_PACKAGES=(
  maven=mvn
  python3=python3
  python3-venv=py:ensurepip
  nodejs=node
  npm=npm
)

# Administration tools live in folders that a user's PATH may lack.
readonly ADMIN_PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

is_there() {
  local probe=$1
  case $probe in
    /*) [[ -e $probe ]] ;;
    static:*) is_static "${probe#static:}" ;;
    any:*) compgen -G "${probe#any:}" >/dev/null ;;
    py:*) python3 -c "import ${probe#py:}" 2>/dev/null ;;
    *) PATH=$ADMIN_PATH command -v "$probe" >/dev/null ;;
  esac
}

is_static() {
  local file
  file=$(PATH=$ADMIN_PATH command -v "$1") && ! ldd "$file" >/dev/null 2>&1
}

# Names of those packages of the list whose probe fails.
missing_of() {
  local entry
  for entry in "$@"; do
    is_there "${entry#*=}" || printf '%s\n' "${entry%%=*}"
  done
}

# Prints what a verb needs and this machine lacks. "doctor" reports by itself and needs nothing.
missing_for() {
  local verb=$1
  case $verb in
    serve | demo | bench | template | test) missing_of "${GUEST_PACKAGES[@]}" ;;
  esac
  if [[ $verb == test ]]; then
    missing_of "${TEST_PACKAGES[@]}"
  elif [[ $verb == package ]]; then
    missing_of "${PACKAGE_PACKAGES[@]}"
  elif ! is_there "$BUILD_PROBE" && ! build_is_fresh; then
    missing_of "${BUILD_PACKAGES[@]}"
  fi
}

can_install() {
  ((EUID == 0)) && command -v apt-get >/dev/null
}

apt_has() {
  refresh_apt
  apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

APT_REFRESHED=
refresh_apt() {
  [[ -z $APT_REFRESHED ]] || return 0
  apt_get update || die 1 "apt-get update failed (see above); packages cannot be installed"
  APT_REFRESHED=yes
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >&2
}

install_packages() {
  say "installing system packages: $*"
  refresh_apt
  if [[ " $* " == *' postgresql '* ]]; then
    without_cluster install_named "$@"
  else
    install_named "$@"
  fi
}

install_named() {
  apt_get install -y --no-install-recommends "$@" ||
    die 1 "apt-get could not install: $* (see above)"
}

# Runs a command under which Debian's PostgreSQL makes no database server of its own and starts none:
# tests start theirs, for a moment. Where its settings are there already they stay as they are.
without_cluster() {
  local settings=${CLUSTER_SETTINGS:-/etc/postgresql-common/createcluster.conf} before status=0
  if [[ -e $settings ]]; then
    "$@"
    return
  fi
  install_named postgresql-common
  before=$(cat "$settings")
  printf 'create_main_cluster = false\n' >"$settings"
  ("$@") || status=$?
  printf '%s\n' "$before" >"$settings"
  ((status == 0)) || exit "$status"
}

# Installs what the verb lacks, or says what to install and ends.
need_packages() {
  local missing
  mapfile -t missing < <(missing_for "$1")
  ((${#missing[@]})) || return 0
  if can_install; then
    install_packages "${missing[@]}"
  elif command -v apt-get >/dev/null; then
    die 2 "missing system packages. Run: sudo apt-get update && sudo apt-get install -y" \
      "--no-install-recommends ${missing[*]}"
  else
    die 2 "missing on this machine; install what Debian calls: ${missing[*]}"
  fi
}
