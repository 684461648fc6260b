"""A page as a test reads it: its elements, its texts and what it could fetch."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Parsed(HTMLParser):
    """elements: (name, attributes) in order; text: what a reader sees; inside: text of scripts and styles by name."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.pieces: list[str] = []
        self.inside: list[tuple[str, dict[str, str], str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "style"):
            self.inside.append((tag, given, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            name, given, text = self.inside[-1]
            self.inside[-1] = name, given, text + data
        else:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [given for name, given in self.elements if name == tag]


def is_harmless(page: Parsed) -> None:
    """One script and one style, those that the policy names; nothing that fetches, no handler, no style attribute."""
    (policy,) = (m["content"] for m in page.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    runs = [(name, text) for name, given, text in page.inside if given.get("type") != "application/json"]
    assert [name for name, _ in runs] == ["style", "script"]
    for name, text in runs:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{name}-src"] == f"'sha256-{digest}'"
    for name, given in page.elements:
        assert name not in ("img", "iframe", "object", "embed", "link", "base", "form", "foreignobject"), name
        assert not any(key.startswith("on") or key in ("style", "src", "action", "xlink:href") for key in given), given
        assert given.get("href", "#").startswith("#"), given
