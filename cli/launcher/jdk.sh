# shellcheck shell=bash
# Finds a JDK that is new enough.

readonly JDK_LEAST=25
readonly JDK_PACKAGE="openjdk-$JDK_LEAST-jdk-headless"

# Whether a folder holds a JDK that is new enough, as its release file says. The compiler is asked
# for because the first use builds.
is_new_enough() {
  local home=$1 line
  [[ -x $home/bin/java && -x $home/bin/javac && -r $home/release ]] || return 1
  while IFS= read -r line; do # no process is started: each verb begins with this
    if [[ $line =~ ^JAVA_VERSION=\"([0-9]+) ]]; then
      ((BASH_REMATCH[1] >= JDK_LEAST))
      return
    fi
  done <"$home/release"
  return 1
}

# Where else than in JAVA_HOME a JDK may be: the java of the path, the distributions' folder.
jdk_candidates() {
  local java
  if java=$(type -P java); then
    java=$(readlink -f -- "$java")
    printf '%s\n' "${java%/bin/*}"
  fi
  printf '%s\n' "${PODFLARE_JVM_FOLDER:-/usr/lib/jvm}"/*
}

# Sets JAVA_HOME to the first JDK that is new enough; fails if there is none.
choose_jdk() {
  local home
  ! is_new_enough "${JAVA_HOME:-}" || return 0
  while IFS= read -r home; do
    if is_new_enough "$home"; then
      JAVA_HOME=$home
      return
    fi
  done < <(jdk_candidates)
  return 1
}

# Sets and exports JAVA_HOME; installs the distribution's JDK when root and it has one.
find_jdk() {
  if ! choose_jdk; then
    install_jdk
    choose_jdk || die 1 "$JDK_PACKAGE was installed, but no JDK $JDK_LEAST is found"
  fi
  export JAVA_HOME
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
