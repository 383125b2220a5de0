"""Every conformance case against our gateway: the answer is right, and docs/reference/conformance.md has it.

The page's other columns need Envoy and grpc-gateway: `./dev bench conformance` writes it anew.
"""

import os
import pathlib

import pytest
from case import Answer, Expect
from cases import GROUPS
from render import answer_cell, row
from rig import ROOT, Rig

BUILD = pathlib.Path(os.environ.get("STRATUS_BUILD", ROOT / "build"))
PAGE = ROOT / "docs/reference/conformance.md"
CASES = [(group, case) for group in GROUPS for case in group.cases]


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with Rig(BUILD / "bin/stratus-gateway", tmp_path_factory.mktemp("conformance")) as rig:
        yield rig


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("group", "case"), CASES, ids=[f"{group.title}: {case.name}" for group, case in CASES])
def test_our_answer_is_right_and_on_the_page(rig, page, group, case):
    answer = rig.ask("Stratus", case.request)
    failure = case.expect.failure(answer)
    assert not failure, f"{case.request}: {failure}"
    line = row(case, [answer_cell(case, answer, failure), ""])
    begin = line[: line.rindex(" |  |")]
    assert begin in page, f"{begin}\nis not on the page: run ./dev bench conformance"


def test_the_page_has_no_case_more(page):
    rows = sum(line.startswith("| ") and not line.startswith(("| ---", "| case |", "| of ", "| decided")) for line in page.splitlines())
    assert rows == len(CASES)


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        (Expect((400,)), Answer(200, body=b"{}")),
        (Expect(got="a"), Answer(200, body=b'{"got":"b"}')),
        (Expect(fields={"maybe": 1}), Answer(200, body=b"{}")),
        (Expect(complete=False), Answer(200)),
        (Expect(headers={"allow": "GET"}), Answer(200)),
        (Expect(json=[]), Answer(200, body=b"")),
        (Expect(grpc_code=5), Answer(grpc_code=0)),
        (Expect(), Answer(note="does not start")),
    ],
)
def test_a_wrong_answer_is_found_wrong(expect, answer):
    assert expect.failure(answer)
