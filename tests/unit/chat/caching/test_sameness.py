"""What may differ between two questions with one answer, and what may not."""

import pytest

from citewell.chat.caching.sameness import same_in_what_decides

SAME = [
    ("When was the bridge opened?", "When was it that the bridge was opened?"),
    ("Who wrote the letter to the king?", "Who was it who wrote the letter to the king"),
    ("Was hat der König mit dem Brief gemacht?", "Was hat mit dem Brief der König gemacht"),
]
DIFFERENT = {
    "years": ("What happened in Rome in 1998?", "What happened in Rome in 1999?"),
    "a number in letters and digits": ("What is error E4711?", "What is error E4712?"),
    "more numbers": ("What are rules 1 and 2?", "What is rule 1?"),
    "names": ("When was Ann Miller born?", "When was Ann Müller born?"),
    "case of a name": ("Who leads the US team?", "Who leads the us team?"),
    "not": ("Which states may vote?", "Which states may not vote?"),
    "contracted": ("Which drugs do help?", "Which drugs don't help?"),
    "without": ("How is it done with a licence?", "How is it done without a licence?"),
    "kein": ("Welche Länder haben eine Armee?", "Welche Länder haben keine Armee?"),
    "jamais": ("Quand faut-il signer ?", "Quand ne faut-il jamais signer ?"),
    "who and when": ("Who opened the bridge?", "When opened the bridge?"),
    "wer und wann": ("Wer hat die Brücke eröffnet?", "Wann hat die Brücke eröffnet?"),
    "first and last": ("Who was the first king?", "Who was the last king?"),
    "before and after": ("What came before the war?", "What came after the war?"),
    "upwards and downwards": ("What folds upwards?", "What folds downwards?"),
    "one more word": ("How many players were chosen?", "How many defence players were chosen?"),
    "quotes": ('Who said "yes"?', 'Who said "no"?'),
    "a language without lists": ("Chi ha aperto il ponte?", "Quando ha aperto il ponte?"),
}


@pytest.mark.parametrize("pair", SAME)
def test_small_words_and_the_end_of_a_sentence_may_differ(pair: tuple[str, str]) -> None:
    assert same_in_what_decides(*pair)
    assert same_in_what_decides(*pair[::-1])


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=list(DIFFERENT))
def test_what_decides_the_answer_may_not(pair: tuple[str, str]) -> None:
    assert not same_in_what_decides(*pair)
    assert not same_in_what_decides(*pair[::-1])
