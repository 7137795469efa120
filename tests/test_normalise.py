from __future__ import annotations

import random
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.fold import TWINS, fold, fold_character
from tamis.classifiers.passages import Passages

ASCII = st.text(st.characters(max_codepoint=127), max_size=150)
DISGUISED = st.text(st.sampled_from("abkUu/h0134572$$@@!!**..--__''  \n\0"), max_size=100)
ADDRESSES = st.lists(
    st.sampled_from(
        ["http://", "HTTPS://", "www.", "u/", "/u/", "@", "abcd", "x", ".", ".co", " ", "(", ")", "-", "/", "@sshole"]
    ),
    max_size=10,
).map("".join)
PIECES = ["hello", "aaa", "a", "b", "x" * 20, "y" * 70, "I'm", "!!", ",", ".", "ok,", "no-", "語", "7", " "]
WORDS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
UNICODE = st.text(st.characters(exclude_categories=()), max_size=90)
MIXED = st.text(
    st.sampled_from("aeCx1 .'éÉøßаеСωοжйи\u0306e\u0301n\u0303’“—…\u200b\ufe0f☕😂日。ﬁ𝕓\ud800\u00a0½™क्ष"), max_size=150
)

WORD = "a-z0-9\u0080-\U0010ffff"
LETTER = "a-z\u0080-\U0010ffff"
ADDRESS = re.compile(
    rf"""(?<![{WORD}])(?P<url>(?:https?://|www\.)[^\x00-\x20\x7f"<>)\]}}]+)
    |(?P<email>[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+)
    |(?<![{WORD}])(?P<user>@(?!sshol)[a-z0-9_]{{4,}}|(?<!/)/?u/[a-z0-9_-]{{3,}})""",
    re.VERBOSE,
)
SPACED = re.compile(rf"[a-z](?P<by>[ ._*-])[a-z](?![{WORD}'])(?:(?P=by)[a-z](?![{WORD}']))+")
JOINT = re.compile(
    rf"(?P<leet>[013457$@!]{{1,2}})(?=[{LETTER}])|\$\$(?![013457$@!])|'(?=[{LETTER}])|\*+(?=[{LETTER}])|\*{{3,}}"
)
PLACES = {"\1": "<url>", "\2": "<email>", "\3": "<user>"}


def web_1(text: str) -> str:
    """web-1 from its second step on, as plainly as can be."""
    text = re.sub("[A-Z]", lambda m: m[0].lower(), text)
    text = ADDRESS.sub(lambda m: {"url": "\1", "email": "\2", "user": "\3"}[m.lastgroup], text_without_controls(text))
    tokens = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        token, at = next_token(text, at)
        tokens.append(token)
    return " ".join(tokens)


def text_without_controls(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def next_token(text: str, at: int) -> tuple[str, int]:
    if text[at] in PLACES:
        return PLACES[text[at]], at + 1
    if spaced := SPACED.match(text, at):
        return squeeze(spaced[0][::2]), spaced.end()
    if re.compile(rf"[{WORD}]|[$@](?=[{LETTER}])").match(text, at):
        return next_word(text, at)
    run = re.compile(re.escape(text[at]) + "+").match(text, at)
    return run[0][:2], run.end()


def next_word(text: str, at: int) -> tuple[str, int]:
    word = ""
    if text[at] in "$@":
        word, at = leet(text[at]), at + 1
    while at < len(text):
        after_letter = bool(word) and bool(re.match(f"[{LETTER}]", text[at - 1]))
        joint = JOINT.match(text, at) if after_letter else None
        if joint and "!" in joint[0] and len(word.encode()) > 2:
            joint = None
        if (
            joint
            and joint[0].startswith("***")
            and not re.compile(f"[{LETTER}]").match(text, joint.end())
            and len(word.encode()) > 2
        ):
            joint = None
        if joint:
            word, at = squeeze(word + (leet(joint[0]) if joint[0][0] not in "'*" else joint[0])), joint.end()
        elif re.match(f"[{WORD}]", text[at]):
            word, at = squeeze(word + text[at]), at + 1
        else:
            break
    return ("<num>" if re.fullmatch("[0-9]{5,}", word) else word), at


def leet(text: str) -> str:
    return text.translate(str.maketrans("013457$@!", "oieastsai"))


def squeeze(text: str) -> str:
    return re.sub(r"([a-z*])\1{2,}", r"\1\1", text)


def folded(text: str) -> str:
    """Folds as plainly as can be."""
    if any(unicodedata.combining(c) for c in text):
        text = unicodedata.normalize("NFC", text)
    text = "".join(c if c.isascii() else fold_character(c) for c in text)
    words = re.split(r"([\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f])", text)
    return "".join(untwin(word) if re.search("[A-Za-z]", word) else word for word in words)


def untwin(word: str) -> str:
    return "".join(TWINS.get(c, c) for c in word)


def kernel(text: str) -> str:
    """The text as the kernel leaves it, alone and with others behind it: then it looks ahead for the end of words."""
    alone = Passages.of([text]).buffer("web-1")[0].tobytes()
    for after in ("x" * 80, ".'- " * 20):
        data, bounds = Passages.of([text, after]).buffer("web-1")
        assert data[: bounds[1]].tobytes() == alone
    return alone.decode()


@settings(max_examples=1500, deadline=None)
@given(ASCII | DISGUISED | ADDRESSES | WORDS)
def test_the_kernel_follows_the_steps(text):
    assert kernel(text) == web_1(text)


@settings(max_examples=500, deadline=None)
@given(UNICODE | MIXED)
def test_folding_follows_the_steps(text):
    passages = Passages.of([text])
    assert fold(passages.data, passages.bounds)[0].tobytes().decode() == folded(text)
    assert kernel(text) == web_1(folded(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(MIXED | DISGUISED | ADDRESSES, max_size=8))
def test_a_passage_is_normalised_the_same_way_in_any_batch(texts):
    data, bounds = Passages.of(texts).buffer("web-1")
    assert [data[a:b].tobytes().decode() for a, b in pairwise(bounds)] == list(map(kernel, texts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  Two\twords\n", "two words"),
        ("H4te sh!t @ss $hit a$$ pr0n l33t", "hate shit ass shit ass pron leet"),
        ("covid19 mp3 2nd b2b 4chan 24h i18n", "covid19 mp3 2nd b2b 4chan 24h i18n"),
        ("Great!I think", "great ! i think"),
        ("k i l l, k.i.l.l. U.S.A. I a m", "kill , kill . usa . iam"),
        ("e.g. a b, A B testing", "e . g . a b , a b testing"),
        ("soooo!!! wow?! ...", "soo !! wow ? ! .."),
        ("f**k sh*t f*** **bold** a*b", "f**k sh*t f** ** bold ** a*b"),
        ("don't 'quoted' it’s", "don't ' quoted ' it's"),
        ("to a.b@c.org or @name, /u/me_2, and/u/x", "to <email> or <user> , <user> , and / u / x"),
        ("[see](https://x.org/a?b=1) www.x.com", "[ see ] ( <url> ) <url>"),
        ("aged 25 in 2024, call 55512345", "aged 25 in 2024 , call <num>"),
        ("self-harm snake_case", "self - harm snake _ case"),
        ("Ｆｕｌｌ 𝕓𝕒𝕕 ᴍᴀʟʟ 🅰🅱", "full bad mall ab"),
        ("pаypаl привет ωmega ωμέγα", "paypal привет wmega ωμέγα"),
        ("Café naïve Ærøskøbing ﬁne ß", "cafe naive aeroskobing fine ss"),
        ("k\u200bi\u00adl\u2060l z\u0338a\u0360l", "kill zal"),
        ("ok😂👍🏽. 日本。", "ok 😂 👍 🏽 . 日本 。"),
        ("one\u2028two\u00a0three\ud800four", "one two three four"),
        ("<url> \x01 \x02", "< url >"),
    ],
)
def test_examples(text, expected):
    assert kernel(text) == expected


@settings(max_examples=200, deadline=None)
@given(UNICODE | MIXED | ASCII)
def test_none_keeps_all_but_line_ends(text):
    data, bounds = Passages.of([text]).buffer("none")
    assert data.tobytes().decode() == re.sub("[\n\r\u2028\u2029\ud800-\udfff]", " ", text)
    assert bounds.tolist() == [0, data.size]


@pytest.mark.parametrize(
    "mixture", ["abc </s>\n\r", "é’\u2028\u2029\u202a\ud7ff\ud800\udfff\ue000", "x" * 300 + "\u2028\n<"]
)
def test_none_of_long_texts_of_many_passages(mixture):
    chance = random.Random(5)
    texts = ["".join(chance.choices(mixture, k=size)) for size in range(150)]
    data, bounds = Passages.of(texts).buffer("none")
    expected = [re.sub("[\n\r\u2028\u2029\ud800-\udfff]", " ", text) for text in texts]
    assert data.tobytes().decode() == re.sub("<(?=/s>)", " ", "".join(expected))
    assert bounds.tolist() == [0, *accumulate(len(text.encode()) for text in expected)]


@pytest.mark.parametrize("at", range(70))
def test_none_sees_the_marker_at_any_place(at):
    text = "<" * at + "</s>" + "x" * (7 * at % 40)
    assert Passages.of([text]).buffer("none")[0].tobytes().decode() == text.replace("</s>", " /s>")


def test_threads_share_the_table_of_folded_characters():
    texts = ["".join(map(chr, range(start, start + 3000))) for start in range(0x80, 0xD000, 3000)] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(kernel, texts))
    assert together == list(map(kernel, texts))


def test_none_breaks_up_the_marker_at_which_fasttext_stops_reading():
    data, _ = Passages.of(["</s> the rest </s>", "plain"]).buffer("none")
    assert bytes(data) == b" /s> the rest  /s>plain"
