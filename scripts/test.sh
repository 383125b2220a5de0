# shellcheck shell=bash
# ./dev test: unit tests (ctest), then end-to-end tests (pytest) of the programs in build/bin.

# Builds only the test programs whose names match.
build_tests() {
  local preset=$1 regex=$2 dir names
  dir=$(build_dir "$preset")
  [ -f "$dir/build.ninja" ] || quietly "$RUN/log/cmake-$preset.log" cmake --preset "$preset"
  names=$(ctest --test-dir "$dir" -N -R "$regex" | sed -nE 's/^ *Test +#[0-9]+: //p')
  [ -n "$names" ] || die "no test matches '$regex'"
  # shellcheck disable=SC2086  # one word a target
  build "$preset" $names
}

# The reader of modules is written in Go.
test_go() {
  local go
  say "unit tests of stratus-hcl"
  go=$("$ROOT/scripts/setup.sh" go)
  (cd "$ROOT/services/provisioning/engine/hcl" && "$go" test ./...) || die "unit tests failed: see above"
}

dev_test() {
  local preset=dev unit=yes e2e=yes regex="" argument dir
  while [ $# -gt 0 ]; do
    argument=$1
    shift
    case $argument in
      --preset=*) preset=${argument#*=} ;;
      --unit) e2e=no ;;
      --e2e) unit=no ;;
      -R)
        regex=${1:?-R needs a regular expression}
        shift
        ;;
      *) die "test: unknown option '$argument' (./dev help)" ;;
    esac
  done
  setup test
  dir=$(build_dir "$preset")
  if [ -n "$regex" ]; then build_tests "$preset" "$regex"; else build "$preset"; fi
  if [ "$unit" = yes ]; then
    say "unit tests ($preset)"
    ctest --test-dir "$dir" --output-on-failure -j "$(jobs_max)" ${regex:+-R "$regex"} || die "unit tests failed: see above"
    if [ "$preset" = dev ] && [ -z "$regex" ]; then test_go; fi
  fi
  if [ "$e2e" = yes ] && [ "$preset" = dev ]; then
    say "end-to-end tests"
    STRATUS_BUILD="$dir" "$VENV/bin/python" -m pytest -q -n 2 ${regex:+-k "$regex"} "$ROOT/tests" ||
      die "end-to-end tests failed: see above"
  fi
}
