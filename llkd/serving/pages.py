"""Two pages for people: the model card, and the interfaces. Words only; nothing in them runs."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}pre,code{font-family:ui-monospace,monospace;font-size:.9em;"
    "background:#f3f3f3}pre{padding:.7rem;overflow:auto}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}"
    "pre,code{background:#262626}td,th{border-color:#444}}"
)
_CODE = re.compile(r"(`+)(.+?)\1")


def card_page(name: str, card: str) -> str:
    """A model card's Markdown as a page; every word of it is only a word."""
    body = "\n".join(_blocks(_without_front_matter(card))) or "<p>No card lies with this model.</p>"
    links = '<p><a href="docs">Interfaces</a> · <a href="metrics">Metrics</a></p>'
    return _page(name, body + links)


def interface_page(document: dict[str, Any]) -> str:
    """An OpenAPI document as a page."""
    parts = [f"<h1>{html.escape(document['info']['title'])}</h1>"]
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            heading = f"{method.upper()} {path}"
            parts.append(f"<h2><code>{html.escape(heading)}</code></h2>")
            parts.append(f"<p>{html.escape(entry['summary'])}.</p>")
    schemas = json.dumps(document["components"]["schemas"], indent=1, ensure_ascii=False)
    parts.append(f"<h2>What requests hold</h2><pre>{html.escape(schemas)}</pre>")
    parts.append('<p>For programs: <a href="openapi.json">openapi.json</a></p>')
    return _page(document["info"]["title"], "\n".join(parts))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>"
    )


def _without_front_matter(card: str) -> list[str]:
    lines = card.splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        return lines[lines.index("---", 1) + 1 :]
    return lines


def _blocks(lines: list[str]) -> Iterator[str]:
    """The Markdown that our cards are written in: headings, tables, lists, code, paragraphs."""
    place = 0
    while place < len(lines):
        line = lines[place]
        end = place + 1
        fence = re.match(r"`{3,}", line)
        if fence:
            while end < len(lines) and not lines[end].startswith(fence[0]):
                end += 1
            yield f"<pre>{html.escape(chr(10).join(lines[place + 1 : end]))}</pre>"
            end += 1
        elif heading := re.match(r"(#{1,6}) (.*)", line):
            level = len(heading[1])
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
        elif line.startswith("|"):
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield _table(lines[place:end])
        elif line.startswith("- "):
            while end < len(lines) and lines[end].startswith("- "):
                end += 1
            items = "".join(f"<li>{_inline(item[2:])}</li>" for item in lines[place:end])
            yield f"<ul>{items}</ul>"
        elif line.strip():
            while (
                end < len(lines)
                and lines[end].strip()
                and not re.match(r"#|\||- |`{3,}", lines[end])
            ):
                end += 1
            yield f"<p>{_inline(' '.join(lines[place:end]))}</p>"
        place = end


def _table(lines: list[str]) -> str:
    rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines]
    parts = []
    for number, row in enumerate(rows):
        if number == 1 and all(set(cell.strip()) <= set(":-") for cell in row):
            continue
        kind = "th" if number == 0 else "td"
        cells = "".join(f"<{kind}>{_inline(cell.strip())}</{kind}>" for cell in row)
        parts.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(parts)}</table>"


def _inline(words: str) -> str:
    """Words with code spans and bold; everything else is escaped."""
    parts, end = [], 0
    for span in _CODE.finditer(words):
        parts.append(_bold(words[end : span.start()]))
        inner = span[2].replace("\\|", "|")
        parts.append(f"<code>{html.escape(inner.strip() or inner)}</code>")
        end = span.end()
    parts.append(_bold(words[end:]))
    return "".join(parts)


def _bold(words: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(words))
