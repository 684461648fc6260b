"""A page as one HTML text that needs nothing else: styles and script are inside, and the policy in its head forbids
every request."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from instances.harmless import plain
from optimizer.reporting.section import SHOWN, Page

POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'"
)


def render(page: Page) -> str:
    """The HTML of a page. All text is escaped, and control and direction characters in it are spelled out."""
    style, script = _file("page.css"), _file("page.js")
    policy = POLICY.format(script=_digest(script), style=_digest(style))
    template = _environment().from_string(_file("page.html"))
    return template.render(page=page, policy=policy, style=Markup(style), script=Markup(script), shown=SHOWN)


def _environment() -> Environment:
    made = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_harmless,
    )  # fmt: skip
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":"), "allow_nan": False}
    return made


def _harmless(value: Any) -> Any:
    """Texts without control and direction characters; marks, which are made of such texts, as they are."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _file(name: str) -> str:
    return files("optimizer.reporting").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a policy calls a text by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
