"""The page on which people label: one file, its own script and style and nothing else, no request, no text in mark-up.

Texts stand in a block of JSON that no browser runs, and reach the page as text nodes. The policy allows the one script
and the one style sheet by their hashes, so that nothing a text could hold would run, were it ever to get out.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from tamis.classifiers.taxonomy import DESCRIPTIONS
from tamis.interventions.masking import defang, display, mask_words, verbatim
from tamis.interventions.page_templates import read, template

__all__ = ["CAP", "render"]

#: Characters of a text that are shown.
CAP: Final = 20_000

_POLICY: Final = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
)
#: What could end the block of JSON, or start something else in it.
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(tasks: Sequence[tuple[str, str]], categories: Sequence[str], sha256: str) -> str:
    """Returns the page.

    Args:
        tasks: Name and text of each task, in order.
        categories: What is asked for.
        sha256: Digest of the task file: labels of another one are not taken over.
    """
    script, style = read("label.js"), read("label.css")
    content = {"tasks_sha256": sha256, "categories": list(categories), "tasks": [_task(*task) for task in tasks]}
    return template("label.html.j2").render(
        policy=Markup(_POLICY.format(script=_hash(script), style=_hash(style))),  # noqa: S704 - hashes, made here
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=Markup(_embedded(content)),  # noqa: S704 - escaped for a script element
        count=f"{len(tasks):,}",
        categories=[{"name": display(name, 60), "meaning": DESCRIPTIONS.get(name, "")} for name in categories],
    )


def _task(name: str, text: str) -> dict[str, str]:
    """Returns a task with its masked text, and the text as it is where that is another one."""
    shown = defang(verbatim(text, CAP))
    masked = mask_words(shown)
    return {"task": name, "text": masked, **({} if masked == shown else {"shown": shown})}


def _embedded(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return "".join(_ESCAPES.get(character, character) for character in text)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
