# shellcheck shell=bash
# shellcheck disable=SC2329 # functions that replace the launcher's own are called from there
# Cases of the launcher's tests: each function runs in its own shell and folder.
# Arguments: the repository, and a folder of the case's own.

REPO=$1
CASE=$2
unset PODFLARE_BUILT PODFLARE_REPORTS PODFLARE_LONG # of the test run that this one is part of
mkdir -p "$CASE"

# A tree like ours, small: the launcher and one module.
paper_tree() {
  TREE="$CASE/tree"
  mkdir -p "$TREE/cli/launcher" "$TREE/cli/src/main/java" "$TREE/cli/src/test/java"
  cp "$REPO/podflare" "$TREE/podflare"
  cp "$REPO"/cli/launcher/*.sh "$TREE/cli/launcher/"
  echo '<project/>' >"$TREE/pom.xml"
  echo '<project/>' >"$TREE/cli/pom.xml"
  echo 'class A {}' >"$TREE/cli/src/main/java/A.java"
}

# paper_jdk FOLDER VERSION: java prints its arguments, one a line.
paper_jdk() {
  mkdir -p "$1/bin"
  printf 'JAVA_VERSION="%s"\n' "$2" >"$1/release"
  # shellcheck disable=SC2016 # expands in the script
  printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$1/bin/java"
  cp "$1/bin/java" "$1/bin/javac"
  chmod +x "$1/bin/java" "$1/bin/javac"
}

# A Maven that makes a jar and counts its calls. Its script sees the tree as working folder.
paper_maven() {
  mkdir -p "$CASE/bin"
  cat >"$CASE/bin/mvn" <<'MVN'
#!/bin/sh
echo built >>"${PAPER_LOG:?}"
sleep "${PAPER_SLEEP:-0}"
mkdir -p cli/target/dist/lib
echo jar >cli/target/dist/lib/podflare.jar
exit "${PAPER_STATUS:-0}"
MVN
  chmod +x "$CASE/bin/mvn"
  export PAPER_LOG="$CASE/maven-calls"
  : >"$PAPER_LOG"
  PATH="$CASE/bin:$PATH"
}

furnished_tree() {
  paper_tree
  paper_maven
  paper_jdk "$CASE/jdk" 25.0.1
  export JAVA_HOME="$CASE/jdk"
}

builds() {
  wc -l <"$PAPER_LOG"
}

load() {
  # shellcheck source=/dev/null
  source "$TREE/podflare"
}

expect() {
  [[ $1 == "$2" ]] || {
    printf 'expected: %s\nfound:    %s\n' "$2" "$1"
    return 1
  }
}

# --- JDK -----------------------------------------------------------------------------------------

test_the_first_jdk_that_is_new_enough_is_taken() {
  paper_tree
  load
  paper_jdk "$CASE/jvm/a-17" 17.0.2
  paper_jdk "$CASE/jvm/b-26" 26
  paper_jdk "$CASE/jvm/c-25" 25.0.1
  paper_jdk "$CASE/home" 21.0.4
  export JAVA_HOME="$CASE/home" PODFLARE_JVM_FOLDER="$CASE/jvm" PATH="$CASE/home/bin:/usr/bin:/bin"
  choose_jdk
  expect "$JAVA_HOME" "$CASE/jvm/b-26"
}

test_java_home_comes_first() {
  paper_tree
  load
  paper_jdk "$CASE/jvm/a" 26
  paper_jdk "$CASE/home" 25
  export JAVA_HOME="$CASE/home" PODFLARE_JVM_FOLDER="$CASE/jvm"
  choose_jdk
  expect "$JAVA_HOME" "$CASE/home"
}

test_a_runtime_without_compiler_is_no_jdk() {
  paper_tree
  load
  paper_jdk "$CASE/home" 25
  rm "$CASE/home/bin/javac"
  ! is_new_enough "$CASE/home"
}

test_a_missing_jdk_names_the_package() {
  paper_tree
  load
  can_install() { return 1; }
  export JAVA_HOME='' PODFLARE_JVM_FOLDER="$CASE/none"
  jdk_candidates() { :; }
  local status=0 message
  message=$(find_jdk 2>&1) || status=$?
  expect "$status" 2
  [[ $message == *openjdk-25-jdk-headless* ]]
}

# --- packages ------------------------------------------------------------------------------------

test_missing_packages_are_named_and_nothing_is_installed_without_root() {
  paper_tree
  load
  can_install() { return 1; }
  is_there() { [[ $1 != bwrap && $1 != ip ]]; }
  build_is_fresh() { return 0; }
  local status=0 message
  message=$(need_packages serve 2>&1) || status=$?
  expect "$status" 2
  [[ $message == *'apt-get install -y --no-install-recommends bubblewrap iproute2' ]]
}

test_verbs_need_only_what_they_use() {
  paper_tree
  load
  is_there() { return 1; }
  build_is_fresh() { return 0; }
  expect "$(missing_for ls)" ""
  expect "$(missing_for doctor)" ""
  [[ $(missing_for demo) == *qemu-system-x86* ]]
  [[ $(missing_for test) == *qemu-system-x86*maven*python3-venv* ]]
  build_is_fresh() { return 1; }
  expect "$(missing_for ls)" maven
}

test_root_installs_by_name_and_says_so() {
  paper_tree
  load
  can_install() { return 0; }
  is_there() { [[ $1 != bwrap ]]; }
  build_is_fresh() { return 0; }
  apt_get() { printf '%s\n' "$*" >>"$CASE/apt"; }
  [[ $(need_packages serve 2>&1) == *'installing system packages: bubblewrap' ]]
  expect "$(cat "$CASE/apt")" $'update\ninstall -y --no-install-recommends bubblewrap'
}

test_postgresql_is_installed_without_a_server_of_its_own() {
  paper_tree
  load
  export CLUSTER_SETTINGS="$CASE/createcluster.conf"
  apt_get() {
    [[ ! -e $CLUSTER_SETTINGS ]] || cat "$CLUSTER_SETTINGS" >>"$CASE/apt"
    printf '%s\n' "$*" >>"$CASE/apt"
    [[ $* != *postgresql-common ]] || echo '#create_main_cluster = true' >"$CLUSTER_SETTINGS"
  }
  install_packages nftables postgresql 2>/dev/null
  expect "$(tail -n 3 "$CASE/apt")" "$(printf '%s\n' \
    'install -y --no-install-recommends postgresql-common' 'create_main_cluster = false' \
    'install -y --no-install-recommends nftables postgresql')"
  expect "$(cat "$CLUSTER_SETTINGS")" '#create_main_cluster = true'
  install_packages postgresql 2>/dev/null
  expect "$(tail -n 2 "$CASE/apt")" \
    $'#create_main_cluster = true\ninstall -y --no-install-recommends postgresql'
}

test_probes_tell_static_programs_and_files() {
  paper_tree
  load
  is_there /etc/passwd
  is_there bash
  expect "$(missing_of a=/no/such/file b=static:bash c=bash)" $'a\nb'
  expect "$(missing_of a=any:/etc/pass* b=any:/etc/no-such-*)" b
}

# --- build ---------------------------------------------------------------------------------------

test_the_first_use_builds_and_the_second_does_not() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  "$TREE/podflare" ls >/dev/null
  expect "$(builds)" 1
}

test_a_changed_source_builds_again() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  touch -d '+1 minute' "$TREE/cli/src/main/java/A.java"
  "$TREE/podflare" ls >/dev/null
  expect "$(builds)" 2
}

test_a_deleted_source_builds_again() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  sleep 0.1
  rm "$TREE/cli/src/main/java/A.java"
  "$TREE/podflare" ls >/dev/null
  expect "$(builds)" 2
}

test_a_changed_test_does_not_build() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  touch -d '+1 minute' "$TREE/cli/src/test/java/ATest.java"
  "$TREE/podflare" ls >/dev/null
  expect "$(builds)" 1
}

test_two_first_uses_build_once() {
  furnished_tree
  export PAPER_SLEEP=0.5
  "$TREE/podflare" ls >/dev/null &
  local other=$!
  "$TREE/podflare" ls >/dev/null
  wait "$other"
  expect "$(builds)" 1
}

test_a_broken_build_shows_its_log_and_is_tried_again() {
  furnished_tree
  export PAPER_STATUS=1
  local status=0
  "$TREE/podflare" ls >/dev/null 2>&1 || status=$?
  expect "$status" 1
  export PAPER_STATUS=0
  "$TREE/podflare" ls >/dev/null
  expect "$(builds)" 2
}

test_a_running_programs_jars_stay_as_they_were() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  local before
  before=$(readlink -f "$TREE/cli/target/run/current")
  touch -d '+1 minute' "$TREE/cli/src/main/java/A.java"
  "$TREE/podflare" ls >/dev/null
  [[ -e $before/lib/podflare.jar ]]
  [[ $(readlink -f "$TREE/cli/target/run/current") != "$before" ]]
}

test_jars_of_a_test_run_are_only_for_that_run() {
  furnished_tree
  "$TREE/podflare" ls >/dev/null
  local before
  before=$(readlink -f "$TREE/cli/target/run/current")
  touch -d '+1 minute' "$TREE/cli/target/dist/lib/podflare.jar"
  "$TREE/podflare" ls >/dev/null
  expect "$(readlink -f "$TREE/cli/target/run/current")" "$before"
  PODFLARE_BUILT=1 "$TREE/podflare" ls >/dev/null
  [[ $(readlink -f "$TREE/cli/target/run/current") != "$before" ]]
}

test_old_jars_are_cleared_away() {
  furnished_tree
  local round
  for round in 1 2 3 4 5; do
    touch -d "+$round minute" "$TREE/cli/src/main/java/A.java"
    rm -rf "$TREE/cli/target/dist"
    "$TREE/podflare" ls >/dev/null
  done
  expect "$(find "$TREE/cli/target/run" -mindepth 1 -maxdepth 1 -type d | wc -l)" 3
}

test_arguments_arrive_as_they_were_given() {
  furnished_tree
  expect "$("$TREE/podflare" run 'a b' '' '*' | tail -n 4)" $'run\na b\n\n*'
}

test_a_databases_password_leaves_the_command_line() {
  furnished_tree
  # shellcheck disable=SC2016 # expands in the script
  printf '#!/bin/sh\necho "in the environment: $PODFLARE_DATABASE"; printf "%%s\\n" "$@"\n' \
    >"$CASE/jdk/bin/java"
  local url='postgresql://user:p@ss@host/db' output
  output=$("$TREE/podflare" serve --database "$url" --node a)
  [[ $output == *"in the environment: $url"* ]]
  expect "$(tail -n 3 <<<"$output")" $'serve\n--node\na'
  output=$("$TREE/podflare" serve "--database=$url")
  [[ $output == *"in the environment: $url"* && $(tail -n 1 <<<"$output") == serve ]]
  output=$("$TREE/podflare" serve --database postgresql://user@host/db)
  expect "$(tail -n 2 <<<"$output")" $'--database\npostgresql://user@host/db'
  output=$("$TREE/podflare" run -- --database "$url")
  expect "$(tail -n 1 <<<"$output")" "$url"
}

test_verbs_with_a_daemon_get_the_whole_jit() {
  furnished_tree
  load
  [[ $(java_flags "$(kind_of ls)") == *SerialGC*TieredStopAtLevel=1* ]]
  [[ $(java_flags "$(kind_of serve)") == *G1GC*-Xmx* ]]
  [[ $(java_flags "$(kind_of serve)") != *TieredStopAtLevel* ]]
  ((EUID)) || [[ $(java_flags "$(kind_of serve)") == *CompilerThreadPriority=10* ]]
}

# --- suites --------------------------------------------------------------------------------------

test_reports_are_summed() {
  paper_tree
  load
  mkdir -p "$CASE/r"
  echo '<testsuite name="A" time="0.1" tests="5" errors="1" skipped="1" failures="2">' >"$CASE/r/TEST-a.xml"
  echo '<testsuites><testsuite name="B" errors="0" failures="0" skipped="0" tests="3"></testsuite></testsuites>' >"$CASE/r/b.xml"
  expect "$(tally_reports "$CASE/r")" "8 3 1"
  expect "$(tally_reports "$CASE/none")" "0 0 0"
}

test_what_failed_is_told_with_its_message() {
  paper_tree
  load
  mkdir -p "$CASE/r" "$CASE/p"
  cat >"$CASE/r/TEST-a.xml" <<'XML'
<testsuite name="a.B" tests="3" failures="1" errors="1">
  <testcase name="good" classname="a.B" time="0.1"/>
  <testcase name="bad" classname="a.B" time="0.1">
    <failure message="[why &amp; how]&#10;but was: &quot;x&quot;" type="E"><![CDATA[trace]]></failure>
  </testcase>
  <testcase name="worse" classname="a.B" time="0.1">
    <error type="java.lang.Error"><![CDATA[trace]]></error>
  </testcase>
</testsuite>
XML
  echo '<testsuite><testcase classname="c" name="d"><failure message="one line">E</failure></testcase></testsuite>' >"$CASE/p/py.xml"
  expect "$(failures_of "$CASE/p")" $'    c.d\n      one line'
  expect "$(failures_of "$CASE/r")" '    a.B.bad
      [why & how]
      but was: "x"
    a.B.worse
      java.lang.Error'
}

test_modules_are_reported_with_their_times() {
  paper_tree
  load
  mkdir -p "$TREE/cli/target/surefire-reports"
  echo '<testsuite tests="5" errors="0" skipped="1" failures="2">' >"$TREE/cli/target/surefire-reports/TEST-a.xml"
  local log='[INFO] Building Podflare cli 0.1.0 [16/17]
[INFO] Podflare ........................................... SUCCESS [  0.442 s]
[INFO] Podflare cli ....................................... FAILURE [01:09 min]
[INFO] Podflare tests ..................................... SKIPPED'
  expect "$(report_modules <<<"$log" 2>/dev/null)" 'cli              2 passed, 2 failed, 1 skipped     69 s'
  expect "$(seconds_of '7.9 s') $(seconds_of '01:02 h')" '7 3720'
}

# a_script NAME TEXT STATUS: a suite that says so.
a_script() {
  mkdir -p "$TREE/tests/$1"
  printf '#!/bin/sh\necho "%s"\nexit %d\n' "$2" "$3" >"$TREE/tests/$1/run"
  chmod +x "$TREE/tests/$1/run"
}

test_scripts_run_side_by_side_and_all_count() {
  paper_tree
  load
  a_script one '3 passed, 0 failed' 0
  a_script two '2 passed, 1 failed' 1
  a_script three 'nothing ran' 0
  mkdir -p "$SUITE_FOLDER"
  local output
  output=$(script_suites; echo "$PASSED $FAILED")
  expect "$(tail -n 1 <<<"$output")" '5 2'
  [[ $output == *'two: the end of its log'* && $output != *'one: the end'* ]]
}

# script_says STATUS TEXT: what the tally of such a script is.
script_says() {
  mkdir -p "$CASE/s"
  printf '%s\n' "$2" >"$CASE/s/log"
  tally_script "$CASE/s" "$1"
}

test_a_script_cannot_hide_its_failure() {
  paper_tree
  load
  expect "$(script_says 0 '3 passed, 0 failed')" "3 0 0"
  expect "$(script_says 1 '3 passed, 1 failed, 2 skipped')" "6 1 2"
  expect "$(script_says 1 '3 passed, 0 failed')" "4 1 0"
  expect "$(script_says 0 'nothing ran')" "1 1 0"
}

test_a_test_class_without_report_is_found() {
  paper_tree
  load
  mkdir -p "$TREE/cli/target/surefire-reports"
  echo '@Test void a() {}' >"$TREE/cli/src/test/java/ATest.java"
  echo '@Test void b() {}' >"$TREE/cli/src/test/java/BTest.java"
  touch "$TREE/cli/target/surefire-reports/TEST-dev.podflare.ATest.xml"
  expect "$(classes_without_report)" BTest
}

test_a_broken_build_counts_as_failure() {
  furnished_tree
  load
  export PAPER_STATUS=1
  local status=0 output
  output=$(run_suite 2>/dev/null) || status=$?
  expect "$status" 1
  expect "$(tail -n 1 <<<"$output")" "0 passed, 1 failed"
}

test_the_suite_ends_with_its_count() {
  furnished_tree
  load
  mkdir -p "$TREE/tests/extra"
  printf '#!/bin/sh\necho "2 passed, 0 failed, 1 skipped"\n' >"$TREE/tests/extra/run"
  chmod +x "$TREE/tests/extra/run"
  expect "$(run_suite 2>/dev/null | tail -n 1)" "2 passed, 0 failed, 1 skipped"
}
