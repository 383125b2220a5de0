# shellcheck shell=bash
# ./dev fuzz: every libFuzzer target for a while, from its committed corpus. A crash's input is left in .run/fuzz.

dev_fuzz() {
  local seconds=60 targets=() argument name corpus
  for argument in "$@"; do
    case $argument in
      --seconds=*) seconds=${argument#*=} ;;
      --*) die "fuzz: unknown option '$argument' (./dev help)" ;;
      *) targets+=("$argument") ;;
    esac
  done
  build fuzz
  [ ${#targets[@]} -gt 0 ] || for name in "$ROOT"/build-fuzz/fuzz/*_fuzzer; do targets+=("$(basename "$name")"); done
  for name in "${targets[@]}"; do
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
