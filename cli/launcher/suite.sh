# shellcheck shell=bash
# "./podflare test": runs every suite, counts what they report, ends with "N passed, N failed".
#
# Suites: the Maven build with all its modules, then every executable named "run" in tests/NAME/
# or MODULE/src/test/NAME/. Such a script ends with a line "N passed, N failed[, N skipped]" or
# writes JUnit XML into $PODFLARE_REPORTS; its exit code is not 0 when something failed.

readonly SUITE_FOLDER="$ROOT/target/suite"
readonly SUITE_LOG="$SUITE_FOLDER/log"

PASSED=0 FAILED=0 SKIPPED=0

run_suite() {
  while (($#)); do
    case $1 in
      --long) export PODFLARE_LONG=1 ;;
      *) die 2 "unknown argument of test: $1 (there is --long)" ;;
    esac
    shift
  done
  rm -rf "$SUITE_FOLDER"
  mkdir -p "$SUITE_FOLDER"
  say "running all suites; whole log: $SUITE_LOG"
  with_build_lock maven_suite
  if ((FAILED == 0)); then
    touch -r "$SUITE_FOLDER/begun" "$STAMP"
  fi
  script_suites
  printf '%d passed, %d failed' "$PASSED" "$FAILED"
  ((SKIPPED == 0)) || printf ', %d skipped' "$SKIPPED"
  printf '\n'
  ((FAILED == 0 && PASSED > 0))
}

maven_suite() {
  local status=0
  find "$ROOT" -path '*/target/surefire-reports' -prune -exec rm -rf {} +
  touch "$SUITE_FOLDER/begun"
  export PODFLARE_BUILT=1
  # A failed test must not hide those of the modules above: failures are counted from the reports.
  maven verify -fae -Dmaven.test.failure.ignore=true ${PODFLARE_LONG:+-DexcludedGroups=} 2>&1 | tee "$SUITE_LOG" | report_modules ||
    status=$?
  count_modules
  count_silent_failures "$status"
}

# Reads Maven's log and prints a line per module as it ends.
report_modules() {
  local line module='' began=$SECONDS
  while IFS= read -r line; do
    case $line in
      '[INFO] Building Podflare '* | '[INFO] Reactor Summary'*)
        report_module "$module" $((SECONDS - began))
        [[ $line =~ Building\ Podflare\ ([a-z]+) ]] && module=${BASH_REMATCH[1]} || module=
        began=$SECONDS
        [[ ! -t 2 ]] || printf '%s …\r' "$module" >&2
        ;;
    esac
  done
}

report_module() {
  [[ -n $1 ]] || return 0
  local tally
  tally=$(tally_reports "$ROOT/$1/target/surefire-reports")
  report_line "$1" "$tally" "$2"
}

# report_line NAME "TESTS FAILED SKIPPED" SECONDS
report_line() {
  local tests failed skipped
  read -r tests failed skipped <<<"$2"
  printf '%-12s %5d passed, %d failed, %d skipped %6d s\n' \
    "$1" $((tests - failed - skipped)) "$failed" "$skipped" "$3"
}

# Prints "TESTS FAILED SKIPPED" summed over the JUnit XML files of a folder.
tally_reports() {
  local files=("$1"/*.xml)
  if [[ ! -e ${files[0]} ]]; then
    echo "0 0 0"
    return
  fi
  grep -ho '<testsuite [^>]*>' "${files[@]}" | awk '
    function value(name) {
      return match($0, " " name "=\"[0-9]+") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : 0
    }
    { tests += value("tests"); failed += value("failures") + value("errors"); skipped += value("skipped") }
    END { print tests + 0, failed + 0, skipped + 0 }'
}

add_tally() {
  local tests failed skipped
  read -r tests failed skipped <<<"$1"
  PASSED=$((PASSED + tests - failed - skipped))
  FAILED=$((FAILED + failed))
  SKIPPED=$((SKIPPED + skipped))
}

count_modules() {
  local reports
  for reports in "$ROOT"/*/target/surefire-reports; do
    [[ ! -d $reports ]] || add_tally "$(tally_reports "$reports")"
  done
  ((FAILED == 0)) || grep -E '^\[ERROR\]   ?[A-Za-z]' "$SUITE_LOG" | sort -u | head -n 40 || true
}

# What breaks without a failed test in a report: the build, a test process that died, a class that
# left no report.
count_silent_failures() {
  local silent
  if (($1 != 0)); then
    FAILED=$((FAILED + 1))
    printf 'build        broken; the end of its log:\n'
    grep -E '^\[(ERROR|FATAL)\]' "$SUITE_LOG" | head -n 20 || tail -n 40 "$SUITE_LOG"
    return # modules that were not reached have no reports
  fi
  while IFS= read -r silent; do
    FAILED=$((FAILED + 1))
    printf 'no report    %s\n' "$silent"
  done < <(classes_without_report)
}

# Prints the test classes that ought to have left a report and did not.
classes_without_report() {
  local file name
  while IFS= read -r file; do
    # Slow ones run with --long only.
    if [[ -z ${PODFLARE_LONG:-} ]] && grep -q '^@Tag("slow")' "$file"; then
      continue
    fi
    name=$(basename "$file" .java)
    compgen -G "${file%%/src/test/*}/target/surefire-reports/TEST-*.$name.xml" >/dev/null ||
      printf '%s\n' "$name"
  done < <(grep -rlE --include='*Test.java' '@(Test|ParameterizedTest|RepeatedTest|TestFactory|ArchTest)\b' \
    "$ROOT"/*/src/test/java 2>/dev/null || true)
}

script_suites() {
  local script
  for script in "$ROOT"/*/src/test/*/run "$ROOT"/tests/*/run; do
    [[ ! -x $script ]] || script_suite "$script"
  done
}

script_suite() {
  local script=$1 name status=0 began=$SECONDS tally
  name=$(basename "$(dirname "$script")")
  export PODFLARE_REPORTS="$SUITE_FOLDER/$name"
  mkdir -p "$PODFLARE_REPORTS"
  "$script" </dev/null >"$PODFLARE_REPORTS/log" 2>&1 || status=$?
  tally=$(tally_script "$PODFLARE_REPORTS" "$status")
  add_tally "$tally"
  report_line "$name" "$tally" $((SECONDS - began))
  cat "$PODFLARE_REPORTS/log" >>"$SUITE_LOG"
  [[ $tally == *' 0 '* ]] || tail -n 40 "$PODFLARE_REPORTS/log"
}

# Prints "TESTS FAILED SKIPPED" of a script suite; one that breaks or runs nothing has failed.
tally_script() {
  local reports=$1 status=$2 tests failed skipped last
  read -r tests failed skipped < <(tally_reports "$reports")
  last=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$reports/log" | tail -n 1 || true)
  if ((tests == 0)) && [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
    failed=${BASH_REMATCH[2]}
    skipped=${BASH_REMATCH[4]:-0}
    tests=$((BASH_REMATCH[1] + failed + skipped))
  fi
  if ((failed == 0)) && ((status != 0 || tests == 0)); then
    tests=$((tests + 1))
    failed=1
  fi
  printf '%d %d %d\n' "$tests" "$failed" "$skipped"
}
