# shellcheck shell=bash
# What provisioning needs, built from pinned sources into .deps: OpenTofu, the reader of modules' HCL, and a real provider
# in a filesystem mirror. Each is built once: its stamp is the digest of what pins it. Sourced by setup.sh.

PROVIDER_VERSION=1.20.0
PROVIDERS=$DEPS/providers

# Whether a program was built from these pins already: built OUTPUT FILE...
built() {
  local output=$1
  shift
  [ -x "$output" ] && [ "$(cat "$output.stamp" 2>/dev/null)" = "$(pins_digest "$@")" ]
}

pins_digest() { cat "$@" "$ROOT/scripts/setup_engine.sh" | sha256sum | cut -d' ' -f1; }

# build_pinned OUTPUT FOLDER PACKAGE [-ldflags value]: one static program from the Go module in FOLDER.
build_pinned() {
  local output=$1 folder=$2 package=$3 flags="-s -w ${4:-}" name go
  name=$(basename "$output")
  local -a pins=("$folder"/go.mod "$folder"/go.sum "$folder"/*.go)
  built "$output" "${pins[@]}" && return
  say "building $name (once)"
  go=$(go_command)
  mkdir -p "$(dirname "$output")"
  (cd "$folder" && CGO_ENABLED=0 quietly "$RUN/log/$name.log" "$go" build -trimpath -ldflags "$flags" -o "$output.new" "$package")
  mv "$output.new" "$output"
  pins_digest "${pins[@]}" >"$output.stamp"
}

# A saved lock file pins the checksum of one build, and two builds differ: folders that OpenTofu prepared are keyed by the
# mirror's contents, so a new build here prepares them anew.
build_provider() {
  local platform folder
  platform=linux_$("$(go_command)" env GOARCH)
  folder=$PROVIDERS/registry.opentofu.org/digitalocean/digitalocean/$PROVIDER_VERSION/$platform
  # The checksum database has lost this module's entries; go.sum pins it all the same.
  local -x GONOSUMDB='github.com/terraform-providers/*'
  # The stamp stays out of the mirror: whatever lies beside the provider is part of the package that is hashed.
  local -a pins=("$ROOT"/scripts/go-tools/digitalocean/{go.mod,go.sum,tools.go})
  local program=$folder/terraform-provider-digitalocean_v$PROVIDER_VERSION
  if [ ! -x "$program" ] || ! built "$DEPS/bin/terraform-provider-digitalocean" "${pins[@]}"; then
    build_pinned "$DEPS/bin/terraform-provider-digitalocean" "$ROOT/scripts/go-tools/digitalocean" \
      github.com/terraform-providers/terraform-provider-digitalocean
    mkdir -p "$folder"
    ln -f "$DEPS/bin/terraform-provider-digitalocean" "$program"
  fi
  # Terraform looks for the same provider under its own name.
  mkdir -p "$PROVIDERS/registry.terraform.io"
  ln -sfn ../registry.opentofu.org/digitalocean "$PROVIDERS/registry.terraform.io/digitalocean"
}

setup_engine() {
  build_pinned "$DEPS/bin/stratus-hcl" "$ROOT/services/provisioning/engine/hcl" .
  build_pinned "$DEPS/bin/tofu" "$ROOT/scripts/go-tools/tofu" github.com/opentofu/opentofu/cmd/tofu \
    '-X github.com/opentofu/opentofu/version.dev=no'
  build_provider
}
