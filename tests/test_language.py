from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tamis.classifiers.language import detect
from tamis.classifiers.language_kernel import FUNCTION_WORDS, PADDING, count
from tamis.classifiers.passages import split, utf8

ENGLISH = "I went to the market this morning and bought some bread, but they were out of the cheese that you like."
SAMPLES = {
    "en": ENGLISH,
    "de": "Heute Morgen war ich auf dem Markt und habe Brot gekauft, aber der Käse, den du magst, war schon weg.",
    "fr": "Ce matin je suis allé au marché et j'ai acheté du pain, mais il n'y avait plus le fromage que tu aimes.",
    "es": "Esta mañana fui al mercado y compré pan, pero ya no quedaba el queso que te gusta tanto comer.",
    "nl": "Vanmorgen ben ik naar de markt gegaan en heb ik brood gekocht, maar de kaas die jij lekker vindt was op.",
    "it": "Stamattina sono andato al mercato e ho comprato il pane, ma il formaggio che ti piace era già finito.",
    "pl": "Dziś rano poszedłem na targ i kupiłem chleb, ale sera, który lubisz, już nie było na żadnym stoisku.",
    "ru": "Сегодня утром я ходил на рынок и купил хлеб, но сыра, который ты любишь, уже не было.",
    "zh": "今天早上我去市场买了面包，但是你喜欢的奶酪已经卖完了。明天我会再去看看有没有新的。",
    "ja": "今朝、市場に行ってパンを買いましたが、あなたの好きなチーズはもう売り切れていました。",
    "he": "הבוקר הלכתי לשוק וקניתי לחם, אבל הגבינה שאתה אוהב כבר נגמרה.",
    "ar": "ذهبت هذا الصباح إلى السوق واشتريت الخبز، لكن الجبن الذي تحبه كان قد نفد.",
}


@pytest.mark.parametrize(("language", "text"), SAMPLES.items())
def test_languages(language, text):
    assert detect([text]) == [language]


@pytest.mark.parametrize(
    "text",
    [
        "so glad to be home again",
        "Anyone tried the new bakery in town?",
        "Selling two tickets for tonight, message me",
        "[Photo] our garden http://example.org/a.jpg http://example.org/b.jpg http://example.org/c.jpg",
        "my dog learned a trick today lol",
    ],
)
def test_short_english_posts_are_never_taken_for_another_language(text):
    assert detect([text])[0] in {"en", "und"}


@pytest.mark.parametrize("text", ["", "   ", "ok thanks", "12345 67890 !!! ---", "😂😂😂", "https://example.org/x"])
def test_too_few_letters_are_undetermined(text):
    assert detect([text]) == ["und"]


def test_two_languages_in_equal_parts_are_undetermined():
    assert detect([SAMPLES["de"] + " " + SAMPLES["fr"]]) == ["und"]


def test_the_middle_of_a_long_document_counts():
    menu = "Home About Contact "
    assert detect([menu + 20 * SAMPLES["de"]]) == ["de"]
    assert detect([SAMPLES["de"][:90] + 20 * ENGLISH]) != ["de"]


def test_passages_give_the_same_as_texts():
    texts = [*SAMPLES.values(), ""]
    assert detect(split(texts)) == detect(texts) == [*SAMPLES, "und"]


def test_no_documents():
    assert detect([]) == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=80), max_size=4))
def test_any_text_has_an_answer(texts):
    answer = detect(texts)
    assert len(answer) == len(texts)
    assert all(2 <= len(code) <= 3 for code in answer)


def counted(text: str) -> tuple[int, int, int, int]:
    """What `count` says of a sample, by a regular expression."""
    data = text.encode("utf-8", "surrogatepass")
    runs = re.findall(rb"[A-Za-z\x80-\xff]+", data)
    ascii_runs = [run for run in runs if run.isalpha() and len(run) < 99]
    english = sum(run.lower().decode() in FUNCTION_WORDS.split() for run in ascii_runs)
    return sum(map(len, ascii_runs)), sum(byte > 127 for byte in data), len(runs), english


@pytest.mark.parametrize("pieces", ["the and of", "the and é . 语 THE a", "a b", "x" * 90 + " x", "é 语", ". 7 the"])
def test_letters_and_words_are_counted_64_bytes_at_a_time(pieces):
    chance = random.Random(11)
    samples = [
        "".join(chance.choice(["", " ", "-"]) + chance.choice(pieces.split(" ")) for _ in range(size))
        for size in range(140)
    ]
    data, bounds = utf8([*samples, "\0" * PADDING])
    found = zip(*(column.tolist() for column in count(data, bounds[:-1])), strict=True)
    assert list(found) == [counted(sample) for sample in samples]
