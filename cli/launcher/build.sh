# shellcheck shell=bash
# Builds the jars on first use and when sources changed, and their AOT cache.
#
# Maven writes cli/target/dist/lib. Programs run from a copy, cli/target/run/NUMBER, so that a
# rebuild never changes jars under a running daemon.

readonly DIST="$ROOT/cli/target/dist"
readonly STAMP="$DIST/.built"
readonly RUNS="$ROOT/cli/target/run"
readonly CURRENT="$RUNS/current"
readonly RUNS_KEPT=3
readonly BUILD_LOG="$ROOT/cli/target/build.log"
readonly LOCK_SECONDS=900

# Prints the first source that is newer than a file. Folders count too: a deleted file shows there.
newer_source() {
  find "$ROOT/pom.xml" "$ROOT"/*/pom.xml "$ROOT"/*/src/main -path "$ROOT/tests/*" -prune \
    -o -name '.*' -prune -o -newer "$1" -print -quit
}

# Within a test run the reactor's own build is the one to use (PODFLARE_BUILT).
build_is_fresh() {
  [[ -n ${PODFLARE_BUILT:-} ]] || [[ -e $STAMP && -z $(newer_source "$STAMP") ]]
}

# with_lock FILE COMMAND…: runs a command while holding a lock on a file that exists anyway, so
# there is nothing to clean up. The command and its children do not see the lock's descriptor.
with_lock() {
  local file=$1 status=0
  shift
  exec 9<"$file"
  flock --wait "$LOCK_SECONDS" 9 ||
    die 1 "another build has been running for $((LOCK_SECONDS / 60)) minutes; giving up"
  "$@" 9<&- || status=$?
  exec 9<&-
  return "$status"
}

with_build_lock() {
  with_lock "$ROOT/pom.xml" "$@"
}

# A lock of its own: programs are published from within a test run, which holds the build lock.
with_publish_lock() {
  with_lock "$ROOT/cli/pom.xml" "$@"
}

ensure_build() {
  build_is_fresh || with_build_lock build_if_stale
  published_is_fresh || with_publish_lock publish_if_stale
}

build_if_stale() {
  build_is_fresh || build # another launcher may have built it while this one waited
}

build() {
  say "building (first use or changed sources; about a minute on a small machine) …"
  rm -rf "$DIST"
  mkdir -p "$DIST"
  touch "$STAMP.begun"
  # Tests and checks belong to ./podflare test.
  if ! maven package -pl cli -am -Dmaven.test.skip=true >"$BUILD_LOG" 2>&1; then
    tail -n 40 "$BUILD_LOG" >&2
    die 1 "the build failed; the whole log is $BUILD_LOG"
  fi
  mv "$STAMP.begun" "$STAMP"
}

maven() {
  (cd "$ROOT" && exec mvn -B -ntp "$@" </dev/null)
}

# The stamp says when a build was whole; while a test run rewrites the jars, others keep what was
# published before. Within that run the jars themselves count.
published_is_fresh() {
  local jar jars=("$STAMP")
  [[ -z ${PODFLARE_BUILT:-} ]] || jars=("$DIST/lib" "$DIST"/lib/*)
  [[ -e $CURRENT/.made ]] || return 1
  for jar in "${jars[@]}"; do
    [[ ! $jar -nt $CURRENT/.made ]] || return 1
  done
}

publish_if_stale() {
  published_is_fresh && return
  [[ -d $DIST/lib ]] || die 1 "no jars in $DIST/lib"
  local next
  next=$RUNS/$(date +%s%N)
  mkdir -p "$next"
  touch "$next/.made"
  cp -r "$DIST/lib" "$next/lib"
  ln -sfn "$next" "$CURRENT.next"
  mv -T "$CURRENT.next" "$CURRENT"
  prune_runs
}

# Names are times, so their order is that of age.
prune_runs() {
  local runs=("$RUNS"/[0-9]*)
  local surplus=$((${#runs[@]} - RUNS_KEPT))
  ((surplus <= 0)) || rm -rf "${runs[@]:0:surplus}"
}

# use_aot_cache KIND FLAGS: adds the cache to the array named FLAGS, making it first if needed. One
# cache per kind of verb, since it only fits the flags that it was trained with. Never fatal.
use_aot_cache() {
  local cache="$HOME_OF_RUN/$1.aot"
  local -n flags_of_verb=$2
  if [[ ! -e $cache && -w $HOME_OF_RUN ]]; then
    with_publish_lock train "$1" "$cache" "${flags_of_verb[@]}" || true
  fi
  [[ -s $cache ]] || return 0
  # Without the log switch a cache that does not fit would be announced on stdout.
  flags_of_verb+=("-XX:AOTCache=$cache" -Xlog:disable)
}

# Runs the program once on itself to record what it loads. On failure an empty cache remains, so
# that it is not tried at each start.
train() {
  local kind=$1 cache=$2
  shift 2
  [[ ! -e $cache ]] || return 0
  timeout 120 "$JAVA_HOME/bin/java" "$@" "-XX:AOTCacheOutput=$cache.new" -Xlog:disable \
    -cp "$HOME_OF_RUN/lib/*" dev.podflare.cli.Main self-train "$kind" >"$cache.log" 2>&1 || true
  [[ -s $cache.new ]] || : >"$cache.new"
  mv "$cache.new" "$cache"
}
