"""Self-contained HTML documents: their style, script and data stand in them, and they load nothing.

A content security policy names the hashes of the style and the script and refuses all else. Text is escaped by
whoever writes it into a template.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import re
from collections.abc import Sequence
from html import escape
from itertools import cycle
from string import Template

from hashjoule.report import palette

_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_ADDRESS = re.compile(r"(https?://[^\s;,()]*[^\s;,().])")


def document(template: str, scripts: Sequence[str], *, title: str, **parts: str) -> str:
    """Return an HTML document from a template of `assets/`, its title and other parts, and the named scripts.

    The template also has places for `head` and `script`. Parts are put in as they are: escaped markup.
    """
    style = f":root {{ {palette.css_variables()} }}\n{asset('page.css')}"
    script = "\n".join(map(asset, scripts))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = fragment("head.html", title=title, policy=policy, style=style)
    return fragment(template, head=head, title=title, script=script, **parts)


def fragment(template: str, **parts: str) -> str:
    """Return a template of `assets/` with its parts."""
    return Template(asset(template)).substitute(parts)


def asset(name: str) -> str:
    """Return the text of a file of `assets/`."""
    return (importlib.resources.files("hashjoule.report") / "assets" / name).read_text(encoding="utf-8")


def embedded(json: str) -> str:
    """Return JSON that is safe inside a script element: no "<" that could end it or begin a comment."""
    return json.replace("<", "\\u003c")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def sentence(words: str) -> str:
    """Return a sentence for HTML in which no option of a command is broken over two lines."""
    return _OPTION.sub(r'<span class="option">\1</span>', escape(words))


def unbroken(quantity: str) -> str:
    """Return a quantity whose number and unit stay on one line."""
    return quantity.replace(" ", "\u00a0")


def linked(words: str) -> str:
    """Return text for HTML in which every web address is a link that shows its host."""
    parts = _ADDRESS.split(words)  # the odd ones are addresses
    return "".join(
        f'<a href="{escape(part)}">{escape(part.split("/")[2].removeprefix("www."))}</a>' if odd else escape(part)
        for odd, part in zip(cycle((False, True)), parts, strict=False)
    )
