# shellcheck shell=bash
# ./dev fuzz: every libFuzzer target for a while, from its committed corpus; then json_differential, our JSON against the
# current Python protobuf's. A crash's input is left in .run/fuzz; a difference is repeated by its seed.

# A run goes on where chance puts it, and says where that was.
fuzz_differential() {
  local seed=$((RANDOM * RANDOM))
  build dev transcode_driver
  say "comparing JSON with Python's for $1 s, from seed $seed"
  quietly "$RUN/log/fuzz-json_differential.log" "$VENV/bin/python" "$ROOT/tests/conformance/json_differential.py" \
    --driver="$ROOT/build/tests/transcode_driver" --descriptors="$ROOT/build/gateway/transcode/testdata.pb" \
    --seed="$seed" --count=500 --schemas=5 --seconds="$1"
  tail -n 1 "$RUN/log/fuzz-json_differential.log" >&2
}

dev_fuzz() {
  local seconds=60 targets=() argument name corpus
  for argument in "$@"; do
    case $argument in
      --seconds=*) seconds=${argument#*=} ;;
      --*) die "fuzz: unknown option '$argument' (./dev help)" ;;
      *) targets+=("$argument") ;;
    esac
  done
  if [ "${targets[*]}" = json_differential ]; then
    fuzz_differential "$seconds"
    return
  fi
  build fuzz fuzzers
  [ ${#targets[@]} -gt 0 ] || for name in "$ROOT"/build-fuzz/fuzz/*_fuzzer json_differential; do targets+=("$(basename "$name")"); done
  for name in "${targets[@]}"; do
    if [ "$name" = json_differential ]; then
      fuzz_differential "$seconds"
      continue
    fi
    say "fuzzing $name for $seconds s"
    corpus=$RUN/fuzz/$name
    mkdir -p "$corpus"
    local seeds=()
    [ -d "$ROOT/tests/fuzz/corpus/$name" ] && seeds=("$ROOT/tests/fuzz/corpus/$name")
    quietly "$RUN/log/fuzz-$name.log" "$ROOT/build-fuzz/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="$RUN/fuzz/$name-" "$corpus" "${seeds[@]}"
    grep -E '^#[0-9]+\s+DONE|stat::number_of_executed' "$RUN/log/fuzz-$name.log" | tail -n 1 >&2
  done
}
