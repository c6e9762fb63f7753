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
  slowest_classes
  printf '%d passed, %d failed' "$PASSED" "$FAILED"
  ((SKIPPED == 0)) || printf ', %d skipped' "$SKIPPED"
  printf '\n'
  ((FAILED == 0 && PASSED > 0))
}

maven_suite() {
  local status=0
  find "$ROOT" -path '*/target/surefire-reports' -prune -exec rm -rf {} +
  rm -rf "$DIST/lib" # a jar that is not wanted any more stays where Maven copies others to
  touch "$SUITE_FOLDER/begun"
  export PODFLARE_BUILT=1
  # A failed test must not hide those of the modules above: failures are counted from the reports.
  # Modules that do not need each other go side by side; the one with most guests comes last, alone.
  maven verify -T 3 -fae -Dmaven.test.failure.ignore=true ${PODFLARE_LONG:+-DexcludedGroups=} 2>&1 | tee "$SUITE_LOG" | report_modules ||
    status=$?
  count_modules
  count_silent_failures "$status"
}

# Reads Maven's log and prints a line per module: from its reports, and how long Maven says it took.
report_modules() {
  local line
  while IFS= read -r line; do
    if [[ $line =~ ^'[INFO] Building Podflare '([a-z][a-z0-9]*) && -t 2 ]]; then
      printf '%-12s …\r' "${BASH_REMATCH[1]}" >&2
    elif [[ $line =~ ^'[INFO] Podflare '([a-z][a-z0-9]*)' '.*'['\ *([0-9:.]+\ (s|min|h))']'$ ]]; then
      report_line "${BASH_REMATCH[1]}" "$(tally_reports "$ROOT/${BASH_REMATCH[1]}/target/surefire-reports")" \
        "$(seconds_of "${BASH_REMATCH[2]}")"
    fi
  done
}

# Prints the whole seconds of "12.345 s", "01:23 min" or "01:02 h".
seconds_of() {
  local number=${1% *}
  case $1 in
    *h) echo $((10#${number%:*} * 3600 + 10#${number#*:} * 60)) ;;
    *min) echo $((10#${number%:*} * 60 + 10#${number#*:})) ;;
    *) echo "${number%.*}" ;;
  esac
}

# report_line NAME "TESTS FAILED SKIPPED" SECONDS
report_line() {
  local tests failed skipped
  read -r tests failed skipped <<<"$2"
  printf '%-12s %5d passed, %d failed, %d skipped %6d s\n' \
    "$1" $((tests - failed - skipped)) "$failed" "$skipped" "$3"
}

# For awk: what an attribute of the line's XML element says; nothing if it has none.
readonly ATTRIBUTE='
  function value(name) {
    return match($0, " " name "=\"[^\"]*") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) : ""
  }'

# Prints "TESTS FAILED SKIPPED" summed over the JUnit XML files of a folder.
tally_reports() {
  local files=("$1"/*.xml)
  if [[ ! -e ${files[0]} ]]; then
    echo "0 0 0"
    return
  fi
  grep -ho '<testsuite [^>]*>' "${files[@]}" | awk "$ATTRIBUTE"'
    { tests += value("tests"); failed += value("failures") + value("errors"); skipped += value("skipped") }
    END { print tests + 0, failed + 0, skipped + 0 }'
}

# Prints what failed in the JUnit XML files of a folder, and the first lines of why.
failures_of() {
  find "$1" -name '*.xml' -exec awk -v RS='<' "$ATTRIBUTE"'
    /^testcase / { test = value("classname") "." value("name") }
    /^(failure|error)[ >]/ {
      why = value("message") != "" ? value("message") : value("type")
      gsub(/&#10;/, "\n      ", why); gsub(/&quot;/, "\"", why); gsub(/&lt;/, "<", why); gsub(/&gt;/, ">", why)
      gsub(/&apos;/, "\047", why); gsub(/&amp;/, "\\&", why)
      printf "    %s\n      %s\n", test, substr(why, 1, 600)
    }' {} +
}

# Where the time goes: the classes, or files, whose tests took longest.
slowest_classes() {
  printf '\nslowest:\n'
  find "$ROOT"/*/target/surefire-reports "$SUITE_FOLDER" -name '*.xml' -exec grep -ho '<testcase [^>]*>' {} + 2>/dev/null | awk "$ATTRIBUTE"'
    { seconds[value("classname")] += value("time") }
    END { for (name in seconds) printf "%6d s  %s\n", seconds[name], name }' | sort -rn | head -n 15 || true
}

add_tally() {
  local tests failed skipped
  read -r tests failed skipped <<<"$1"
  PASSED=$((PASSED + tests - failed - skipped))
  FAILED=$((FAILED + failed))
  SKIPPED=$((SKIPPED + skipped))
}

count_modules() {
  local reports tally
  for reports in "$ROOT"/*/target/surefire-reports; do
    [[ -d $reports ]] || continue
    tally=$(tally_reports "$reports")
    add_tally "$tally"
    [[ $tally == *' 0 '* ]] || failures_of "$reports" | head -n 80 || true
  done
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

# Two at a time: most of what they do is to wait for guests and downloads. Those of the SDKs take longest and are
# begun first, from the end of the alphabet, so that no long one is left over.
script_suites() {
  local script
  local -a names=() scripts
  mapfile -t scripts < <(printf '%s\n' "$ROOT"/*/src/test/*/run; printf '%s\n' "$ROOT"/tests/*/run | sort -r)
  for script in "${scripts[@]}"; do
    [[ -x $script ]] || continue
    (($(jobs -rp | wc -l) < 2)) || wait -n || true # what failed is counted from what it left
    names+=("$(suite_name "$script")")
    script_suite "$script" &
  done
  wait
  count_scripts "${names[@]}"
}

suite_name() {
  basename "$(dirname "$1")"
}

script_suite() {
  local name status=0 began=$SECONDS tally
  name=$(suite_name "$1")
  export PODFLARE_REPORTS="$SUITE_FOLDER/$name"
  mkdir -p "$PODFLARE_REPORTS"
  "$1" </dev/null >"$PODFLARE_REPORTS/log" 2>&1 || status=$?
  tally=$(tally_script "$PODFLARE_REPORTS" "$status")
  report_line "$name" "$tally" $((SECONDS - began))
  printf '%s\n' "$tally" >"$PODFLARE_REPORTS/tally"
}

# A suite that left no tally has failed.
count_scripts() {
  local name folder tally
  for name in "$@"; do
    folder="$SUITE_FOLDER/$name"
    tally=$(cat "$folder/tally" 2>/dev/null || echo "1 1 0")
    add_tally "$tally"
    cat "$folder/log" >>"$SUITE_LOG" 2>/dev/null || true
    if [[ $tally != *' 0 '* ]]; then
      printf '\n%s:\n' "$name"
      failures_of "$folder" | head -n 80 || true
      printf '%s: the end of its log\n' "$name"
      tail -n 40 "$folder/log" 2>/dev/null || true
    fi
  done
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
