# shellcheck shell=bash
# ./dev lint and fmt.

cpp_files() { git ls-files -- '*.cc' '*.h'; }
shell_files() { printf '%s\n' dev .ci/run; git ls-files -- 'scripts/*.sh'; }

dev_fmt() {
  cpp_files | xargs clang-format-14 -i
  "$VENV/bin/ruff" format -q scripts tests
  "$VENV/bin/buf" format -w proto
}

dev_lint() {
  say "clang-format"
  cpp_files | xargs clang-format-14 --dry-run --Werror || die "run ./dev fmt"
  say "ruff"
  "$VENV/bin/ruff" check -q scripts tests || die "ruff found the above"
  "$VENV/bin/ruff" format -q --check scripts tests || die "run ./dev fmt"
  say "shellcheck"
  shell_files | xargs "$VENV/bin/shellcheck" -x || die "shellcheck found the above"
  say "buf lint, and breaking changes against proto/baseline.binpb"
  "$VENV/bin/buf" lint || die "buf lint found the above"
  "$VENV/bin/buf" breaking proto --against proto/baseline.binpb || die "these changes break clients: see docs/how-to/change-a-proto.md"
  check_breaking_can_fail
}

# A check that cannot fail proves nothing: the same comparison has to refuse a renumbered field.
check_breaking_can_fail() {
  if "$VENV/bin/buf" breaking tests/conformance/breaking/changed --against tests/conformance/breaking/baseline \
    >"$RUN/log/buf-fixture.log" 2>&1; then
    die "buf breaking accepted a renumbered field (tests/conformance/breaking): the check is not checking"
  fi
  grep -q 'changed' "$RUN/log/buf-fixture.log" || die "buf breaking failed for another reason: $(cat "$RUN/log/buf-fixture.log")"
}

# Apart from lint: ten seconds of CPU a file that has changed.
dev_tidy() {
  say "clang-tidy"
  build dev
  "$VENV/bin/python" scripts/tidy.py build "$(jobs_max)" || die "clang-tidy found the above"
}
