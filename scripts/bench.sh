# shellcheck shell=bash
# ./dev bench: builds the release preset and runs what measures it.

dev_bench() {
  local what=${1:-all}
  [ $# -gt 0 ] && shift
  build release
  case $what in
    gateway) bench_gateway "$@" ;;
    weather) bench_weather "$@" ;;
    provisioning) bench_provisioning "$@" ;;
    auth | transcode | router | rpc_idle | span | call_log) bench_micro "$what" "$@" ;;
    all)
      bench_micro auth
      bench_micro transcode
      bench_micro router
      bench_gateway
      bench_weather
      bench_provisioning
      ;;
    *) die "bench: '$what' is none of gateway, weather, provisioning, auth, transcode, router, rpc_idle, span, call_log" ;;
  esac
}

bench_gateway() {
  say "this gateway, Envoy and grpc-gateway, one core each (some minutes)"
  STRATUS_GO=$("$ROOT/scripts/setup.sh" go) "$VENV/bin/python" "$ROOT/tests/bench/gateway_bench.py" "$@"
}

bench_weather() {
  say "the weather call end to end, beside the same in FastAPI"
  "$VENV/bin/python" "$ROOT/tests/bench/weather_bench.py" "$@"
}

bench_provisioning() {
  say "runs of a small module, beside the bare engine"
  "$VENV/bin/python" "$ROOT/tests/bench/provisioning_bench.py" "$@"
  bench_micro provisioning_store
}

bench_micro() {
  local name=$1
  shift
  say "$name"
  "$ROOT/build-release/bench/${name}_bench" "$@"
}
