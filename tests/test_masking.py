from __future__ import annotations

import unicodedata

import pytest

from tamis.interventions import masking


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("forum", "forum"),
        ("  two\n lines\t", "two lines"),
        ("", "(empty)"),
        ("\x00\x07", "(empty)"),
        ("e\u0301", "é"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07name", "name"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cGF5bG9hZA==", "(empty)"),
        ("\u202egpj.exe", "⟨U+202E⟩gpj.exe"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("soft\u00adhyphen", "soft⟨U+00AD⟩hyphen"),
        ("\ufeffmark", "⟨U+FEFF⟩mark"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("line\u2028end", "line⟨U+2028⟩end"),
        ("hangul\u3164filler", "hangul⟨U+3164⟩filler"),
        ("lone\ud800", "lone⟨U+D800⟩"),
        ("see http://evil.example/a.html now", "see hxxp://evil[.]example/a[.]html now"),
        ("HTTPS://EVIL.EXAMPLE", "hxxps://EVIL[.]EXAMPLE"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("//evil.example/x", "//evil[.]example/x"),
        ("javascript:alert(1)", "javascript[x]:alert(1)"),
        ("data:text/html,x", "data[x]:text/html,x"),
        ("v1.2", "v1.2"),
    ],
)
def test_display(raw: str, shown: str) -> None:
    assert masking.display(raw) == shown


def test_display_caps_length_and_says_so() -> None:
    shown = masking.display("x" * 10_000_000)
    assert shown == "x" * masking.CAP + "… (10,000,000 characters)"


def test_display_cuts_towers_of_marks() -> None:
    shown = masking.display("a" + "\u0301" * 200)
    assert sum(unicodedata.combining(character) > 0 for character in shown) <= masking.MARKS


def test_slurs_keep_first_and_last_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    # A harmless word stands in for a slur: the list itself holds fingerprints only.
    monkeypatch.setattr(masking, "MASKED", frozenset({masking.fingerprint("turnip")}))
    assert masking.display("r/turnip and TURNIPS, not turning") == "r/t••••p and T•••••S, not turning"


def test_the_list_of_masked_words_spares_names_of_groups() -> None:
    words = ("gay", "lesbian", "queer", "trans", "Jewish", "Muslim", "Black", "Asian", "forum", "news", "women")
    assert [masking.mask_words(word) for word in words] == list(words)
    assert len(masking.MASKED) > 100


def test_domains_make_no_links() -> None:
    assert masking.domain("www.evil.example") == "www[.]evil[.]example"
    assert masking.domain("sub.evil.example") == "sub[.]evil[.]example"


@pytest.mark.parametrize(
    "raw", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\x00=1", "＝1", "=HYPERLINK(1)"]
)
def test_cells_are_no_formulas(raw: str) -> None:
    assert masking.cell(raw).startswith("'")


def test_ordinary_cells_stay() -> None:
    assert masking.cell("forum") == "forum"


@pytest.mark.parametrize(
    "raw", ["\x1b[2J", "\x1b]0;x\x07", "a\x9dq\x9cb", "\x07", "a\r\nb", "\u202e", "\x1bPq\x1b\\x", "[red]"]
)
def test_terminal_is_printable(raw: str) -> None:
    shown = masking.terminal(raw)
    assert shown.isprintable()
    assert "\x1b" not in shown


def test_verbatim_keeps_lines_and_shows_what_hides() -> None:
    assert masking.verbatim("a: 1\r\nb: \u202ex\x1b[31m\n") == "a: 1\nb: ⟨U+202E⟩x\n"
    assert masking.verbatim("x" * 100, cap=10) == "x" * 10 + "… (100 characters)"
