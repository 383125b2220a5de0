"""A case and its answers as a row of the conformance page."""

import json
import re

from case import EMPTY, OURS, Grpc, Raw

SHOWN_MAX = 130


def code(text):
    """Text as it is, on one line of a table."""
    text = text.replace("\xa0", " ")  # Go's protobuf has the one or the other, by its build
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text).replace("\ufffd", "\\xff")
    text = text.replace("|", "\\|")
    if not text:
        return ""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def shorten(text):
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"


def body_text(case, answer):
    """What matters of a body."""
    text = answer.body.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    if not isinstance(found, dict):
        return compact(found)
    if "got" in found or "method" in found:
        got = found.get("got", "") or "nothing"
        return f"{found['method']}: {got}" if case.expect.method else got
    if answer.status >= 400 and "code" in found:
        details = [f"[{detail['@type'].rsplit('/', 1)[1]}]" for detail in found.get("details", [])]
        return " ".join([found.get("message", ""), *details]).strip()
    # Fields that are not set tell nothing here: gateways differ in whether they print them.
    return compact({k: v for k, v in found.items() if v not in EMPTY and v not in ("0", "COLOR_UNSPECIFIED") or k in case.expect.fields})


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answer_text(case, answer):
    if answer.note:
        return answer.note
    if isinstance(case.request, Grpc):
        messages = len(answer.messages)
        return f"code {answer.grpc_code}" + (f", {messages} message{'s' if messages > 1 else ''}" if messages else "")
    if isinstance(case.request, Raw):
        later = re.findall(r"HTTP/1\.\d (\d{3})", answer.body.decode(errors="replace"))
        return ", ".join([str(answer.status), *later])
    body = "" if case.expect.words_vary else body_text(case, answer)
    text = f"{answer.status} {code(shorten(body))}".strip()
    if answer.body and len(answer.body) > 20_000 and len(text) > SHOWN_MAX:
        text = f"{answer.status}, {len(answer.body):,} bytes"
    for name in case.expect.headers:
        if name in answer.headers and answer.headers[name] != "application/json":
            text += f", {name}: {code(steady(answer.headers[name]))}"
    return text if answer.complete else text + ", then cut"


def steady(value):
    """An entity tag is of its own for every build."""
    return re.sub(r'"[0-9a-z-]{6,}"', '"…"', value)


def answer_cell(case, answer, failure):
    return ("✗ " if failure else "") + answer_text(case, answer)


def row(case, cells):
    source = f"({case.source})" if case.source != OURS else ""
    rule = f"{case.rule} {source}".strip()
    return f"| {case.name} | {code(str(case.request))} | {rule} | {' | '.join(cells)} |\n"
