# shellcheck shell=bash
# Shared by ./dev and the scripts it calls: paths, messages, privileges.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DEPS=$ROOT/.deps
RUN=${STRATUS_RUN:-$ROOT/.run}
VENV=$DEPS/venv
export ROOT DEPS RUN VENV

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
# One sentence that says what is wrong and what to do, then the end.
die() {
  printf '\033[31mdev:\033[0m %s\n' "$*" >&2
  exit 1
}

# Runs a command as root: as it is when we are root, by sudo when there is one.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo -- "$@"
  else
    die "installing packages needs root, and there is no sudo here: run this as root once: $*"
  fi
}

# Runs a command with its output in a log; the log's end is shown when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "this failed: $* (the whole log: $log)"
  fi
}

# How many compilers to run at once: one a core, and at most one a 1.5 GiB of memory, which is what the largest file takes.
jobs_max() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
  [ "$memory" -lt 1 ] && memory=1
  [ "$memory" -lt "$cores" ] && cores=$memory
  echo "$cores"
}
