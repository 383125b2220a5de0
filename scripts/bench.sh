# shellcheck shell=bash
# ./dev bench: builds the release preset and runs what measures it.

dev_bench() {
  local what=${1:-all}
  [ $# -gt 0 ] && shift
  build release
  case $what in
    gateway) bench_gateway "$@" ;;
    overload) bench_overload "$@" ;;
    footprint) bench_footprint "$@" ;;
    hostile) bench_hostile "$@" ;;
    conformance) bench_conformance "$@" ;;
    cache) bench_cache "$@" ;;
    tracing) bench_tracing "$@" ;;
    weather) bench_weather "$@" ;;
    provisioning) bench_provisioning "$@" ;;
    auth | transcode | router | rpc_idle | span | call_log) bench_micro "$what" "$@" ;;
    all)
      bench_micro auth
      bench_micro transcode
      bench_micro router
      bench_gateway
      bench_overload
      bench_footprint
      bench_hostile
      bench_cache
      bench_tracing
      bench_weather
      bench_provisioning
      ;;
    *) die "bench: '$what' is none of gateway, overload, footprint, hostile, cache, tracing, conformance, weather, provisioning, auth, transcode, router, rpc_idle, span, call_log" ;;
  esac
}

bench_gateway() {
  say "this gateway, Envoy, grpc-gateway and nghttpx, one core each (some minutes)"
  STRATUS_GO=$("$ROOT/scripts/setup.sh" go) "$VENV/bin/python" "$ROOT/tests/bench/gateway_bench.py" "$@"
}

bench_overload() {
  say "goodput at five times the load, beside Envoy with admission control and with adaptive concurrency (some minutes)"
  "$VENV/bin/python" "$ROOT/tests/bench/overload_bench.py" "$@"
}

bench_footprint() {
  say "start, memory, and cost by a reply's size"
  "$VENV/bin/python" "$ROOT/tests/bench/footprint_bench.py" "$@"
}

bench_hostile() {
  say "what an honest client notices while others attack"
  "$VENV/bin/python" "$ROOT/tests/bench/hostile_bench.py" "$@"
}

bench_conformance() {
  say "this gateway, Envoy and grpc-gateway, case by case (docs/reference/conformance.md)"
  STRATUS_GO=$("$ROOT/scripts/setup.sh" go) "$VENV/bin/python" "$ROOT/tests/conformance/peers_page.py" \
    --gateway="$ROOT/build-release/bin/stratus-gateway" "$@" || die "an answer of ours is wrong: see above"
}

bench_cache() {
  say "authorized GETs from the reply cache beside Go, and what a token check adds, one core each"
  STRATUS_GO=$("$ROOT/scripts/setup.sh" go) "$VENV/bin/python" "$ROOT/tests/bench/cache_bench.py" "$@"
}

bench_tracing() {
  say "the gateway without tracing, and with it"
  "$VENV/bin/python" "$ROOT/tests/bench/tracing_bench.py" "$@"
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
