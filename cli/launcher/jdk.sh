# shellcheck shell=bash
# Finds a JDK that is new enough.

readonly JDK_LEAST=25
readonly JDK_PACKAGE="openjdk-$JDK_LEAST-jdk-headless"

# Major version of the JDK in a folder, from its release file; nothing if there is no JDK.
# The compiler is asked for because the first use builds.
jdk_version() {
  local home=$1 line
  [[ -x $home/bin/java && -x $home/bin/javac && -r $home/release ]] || return 0
  while IFS= read -r line; do # no process is started: each verb begins with this
    if [[ $line =~ ^JAVA_VERSION=\"([0-9]+) ]]; then
      printf '%s\n' "${BASH_REMATCH[1]}"
    fi
  done <"$home/release"
}

# Where a JDK may be: JAVA_HOME, the java of the path, the distributions' folder.
jdk_candidates() {
  local java
  if [[ -n ${JAVA_HOME:-} ]]; then
    printf '%s\n' "$JAVA_HOME"
  fi
  if java=$(command -v java); then
    java=$(readlink -f -- "$java")
    printf '%s\n' "${java%/bin/*}"
  fi
  printf '%s\n' "${PODFLARE_JVM_FOLDER:-/usr/lib/jvm}"/*
}

# Prints the first JDK that is new enough; fails if there is none.
newest_enough_jdk() {
  local home version
  while IFS= read -r home; do
    version=$(jdk_version "$home")
    if [[ -n $version ]] && ((version >= JDK_LEAST)); then
      printf '%s\n' "$home"
      return 0
    fi
  done < <(jdk_candidates)
  return 1
}

# Sets and exports JAVA_HOME; installs the distribution's JDK when root and it has one.
find_jdk() {
  local home
  if ! home=$(newest_enough_jdk); then
    install_jdk
    home=$(newest_enough_jdk) || die 1 "$JDK_PACKAGE was installed, but no JDK $JDK_LEAST is found"
  fi
  export JAVA_HOME=$home
}

install_jdk() {
  if can_install && apt_has "$JDK_PACKAGE"; then
    install_packages "$JDK_PACKAGE"
    return
  fi
  die 2 "no JDK $JDK_LEAST or newer in JAVA_HOME, PATH or /usr/lib/jvm." \
    "Install package $JDK_PACKAGE (Debian 13, Ubuntu 24.04 and newer: apt-get install $JDK_PACKAGE)" \
    "or temurin-$JDK_LEAST-jdk (https://adoptium.net/installation/linux), or set JAVA_HOME."
}
