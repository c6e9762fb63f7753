# shellcheck shell=bash
# "./podflare package": what is given to registries, built from this checkout and checked for nothing.
#
#   OUT/podflare-VERSION-*.whl   the Python SDK
#   OUT/podflare-VERSION.tgz     the TypeScript SDK, for npm
#   OUT/maven/                   a Maven repository: the Java SDK, the tools for its frameworks, and what they stand on

readonly PACKAGED_MODULES=client,mcp,langchain4j,springai

run_package() {
  local out="$ROOT/target/packages"
  while (($#)); do
    case $1 in
      --out)
        (($# > 1)) || die 2 "--out needs a folder"
        out=$2
        shift
        ;;
      *) die 2 "unknown argument of package: $1 (there is --out FOLDER)" ;;
    esac
    shift
  done
  mkdir -p "$out"
  PACKAGES=$(cd -- "$out" && pwd)
  rm -rf "$PACKAGES"/podflare-*.whl "$PACKAGES"/podflare-*.tgz "$PACKAGES/maven"
  PACKAGE_WORK=$(mktemp -d)
  trap 'rm -rf "$PACKAGE_WORK"' EXIT
  package_python
  package_typescript
  with_build_lock package_java
  (cd "$PACKAGES" && find . -name '*.whl' -o -name '*.tgz' -o -name 'podflare-*.jar' | sort)
}

package_python() {
  say "the Python SDK …"
  python3 -m venv "$PACKAGE_WORK/venv"
  "$PACKAGE_WORK/venv/bin/python" -m pip wheel -q --disable-pip-version-check --no-deps \
    --wheel-dir "$PACKAGES" "$ROOT/sdk/python" >&2 || die 1 "the wheel could not be built (see above)"
}

# Beside the sources, which are left as they are.
package_typescript() {
  say "the TypeScript SDK …"
  local work="$PACKAGE_WORK/typescript"
  mkdir "$work"
  cp -r "$ROOT"/sdk/typescript/{src,package.json,package-lock.json,tsconfig.json,tsconfig.build.json,README.md,LICENSE} "$work/"
  (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error && npm run --silent build &&
    npm pack --silent --pack-destination "$PACKAGES" >/dev/null) >&2 || die 1 "npm could not build the tarball (see above)"
}

package_java() {
  say "the Java SDK …"
  maven deploy -q -pl "$PACKAGED_MODULES" -am -Dmaven.test.skip=true \
    "-DaltDeploymentRepository=packages::default::file://$PACKAGES/maven" >"$BUILD_LOG" 2>&1 || {
    tail -n 40 "$BUILD_LOG" >&2
    die 1 "the jars could not be built; the whole log is $BUILD_LOG"
  }
}
