"""Runs clang-tidy over every source file of ours, at once on all cores, and remembers what passed.

usage: tidy.py BUILD_DIR JOBS

A file that passed is not looked at again until it, a header of ours that it includes (as ninja recorded when it compiled
it), .clang-tidy or the version of clang-tidy changes. What passed is kept in $XDG_CACHE_HOME/stratus/tidy, so that a fresh
clone profits too.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "stratus" / "tidy"
TIDY = "clang-tidy-14"
OURS = re.compile(r"^(lib|services|gateway)/")
# Tests, benchmarks and fuzzers are held to the compiler's warnings alone: the checks argue with GoogleTest's macros.
SKIPPED = re.compile(r"_(test|bench|fuzzer)\.cc$|/testing/|/testdata/")


def sources(build):
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(entry["file"])
        if file.is_relative_to(ROOT):
            name = str(file.relative_to(ROOT))
            if OURS.match(name) and not SKIPPED.search(name):
                yield name


def dependencies(build):
    """source -> our own files that it was compiled from."""
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    found = {}
    for block in text.split("\n\n"):
        lines = [os.path.normpath(build / line.strip()) for line in block.splitlines()[1:]]
        ours = [os.path.relpath(line, ROOT) for line in lines if line.startswith(f"{ROOT}/")]
        if ours:
            found[ours[0]] = sorted(o for o in ours if not o.startswith("build"))
    return found


def key(name, files, common):
    digest = hashlib.sha256(common + name.encode())
    for file in files:
        digest.update(file.encode() + b"\0" + (ROOT / file).read_bytes())
    return digest.hexdigest()


def check(build, name):
    done = subprocess.run([TIDY, "-p", build, "--quiet", ROOT / name], capture_output=True, text=True, check=False)
    return name, done.returncode == 0, done.stdout


def main():
    build, jobs = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout
    common = hashlib.sha256(version + (ROOT / ".clang-tidy").read_bytes()).digest()
    includes = dependencies(build)
    CACHE.mkdir(parents=True, exist_ok=True)
    names = sorted(set(sources(build)))
    keys = {name: key(name, includes.get(name, [name]), common) for name in names}
    due = [name for name in names if not (CACHE / keys[name]).exists()]
    print(f"{len(names)} files, {len(due)} to look at", file=sys.stderr)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, passed, output in pool.map(lambda n: check(build, n), due):
            if passed:
                (CACHE / keys[name]).touch()
            else:
                failed += 1
                print(output)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
