# shellcheck shell=bash
# ./dev chaos: the kill matrix (tests/chaos), on the store that is asked for or on both.

dev_chaos() {
  local argument stores="sqlite postgresql" options=()
  for argument in "$@"; do
    case $argument in
      --store=sqlite | --store=postgresql) stores=${argument#*=} ;;
      --rounds=* | --droplet-rounds=* | --seed=*) options+=("$argument") ;;
      *) die "chaos: unknown option '$argument' (./dev help)" ;;
    esac
  done
  setup test
  build dev stratus-provisioning stratus-sandbox stratus-gateway stratus_descriptor_set
  local store failed=no
  for store in $stores; do
    say "the kill matrix on $store"
    STRATUS_BUILD="$ROOT/build" "$VENV/bin/python" "$ROOT/tests/chaos/kill_matrix.py" --store="$store" \
      ${options[@]+"${options[@]}"} || failed=yes
  done
  [ "$failed" = no ] || die "the kill matrix has failed: see above"
}
