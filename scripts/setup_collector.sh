# shellcheck shell=bash
# The OpenTelemetry collector that tests send to, made by the collector's own builder: it writes a main program for the
# components of builder.yaml, which is compiled against the go.mod and go.sum beside it. Sourced by setup.sh, after
# setup_engine.sh.

setup_collector() {
  local folder=$ROOT/scripts/go-tools/collector program=$DEPS/bin/otelcol go source
  local -a pins=("$folder"/{go.mod,go.sum,tools.go,builder.yaml} "$ROOT/scripts/setup_collector.sh")
  built "$program" "${pins[@]}" && return
  say "building an OpenTelemetry collector for tests (once)"
  go=$(go_command)
  build_pinned "$DEPS/bin/ocb" "$folder" go.opentelemetry.io/collector/cmd/builder
  # builder.yaml says `collector` for where it writes.
  source=$DEPS/collector
  rm -rf "$source"
  (cd "$DEPS" && quietly "$RUN/log/ocb.log" bin/ocb --config "$folder/builder.yaml" --skip-get-modules --skip-compilation)
  cp "$folder/go.mod" "$folder/go.sum" "$source"
  (cd "$source" && CGO_ENABLED=0 quietly "$RUN/log/otelcol.log" "$go" build -trimpath -ldflags '-s -w' -o "$program.new" .)
  mv "$program.new" "$program"
  rm -rf "$source"
  pins_digest "${pins[@]}" >"$program.stamp"
}
