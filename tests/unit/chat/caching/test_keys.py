"""Two questions have one key when nothing differs that their answers could depend on."""

from dataclasses import replace

import pytest

from citewell.chat.caching.keys import Key, configuration_of, key_of, normalised
from citewell.domain.ids import CollectionId, KeyId, TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.domain.run_events import Question

FIRST, SECOND = CollectionId(new_id()), CollectionId(new_id())
HEADS = {FIRST: 7, SECOND: 9}
WHO = Principal(
    TenantId(new_id()), UserId(new_id()), Role.VIEWER, frozenset({Scope.ASK, Scope.SEARCH})
)
ASKED = Question("What is it?", (FIRST, SECOND))


def key(
    who: Principal = WHO,
    asked: Question = ASKED,
    heads: dict[CollectionId, int] = HEADS,
    configuration: str = "one",
) -> Key | None:
    return key_of(who, asked, heads, configuration)


def test_the_person_and_the_credential_are_no_part_of_it() -> None:
    other = replace(WHO, user_id=UserId(new_id()), key_id=KeyId(new_id()))
    assert key() is not None
    assert key(other) == key()


DIFFERENT = {
    "tenant": lambda: key(replace(WHO, tenant_id=TenantId(new_id()))),
    "role": lambda: key(replace(WHO, role=Role.EDITOR)),
    "scopes": lambda: key(replace(WHO, scopes=frozenset({Scope.ASK}))),
    "configuration": lambda: key(configuration="two"),
    "a document that came": lambda: key(heads={FIRST: 7, SECOND: 10}),
    "fewer collections": lambda: key(asked=Question("What is it?", (FIRST,))),
    "another order": lambda: key(asked=Question("What is it?", (SECOND, FIRST))),
    "case": lambda: key(asked=replace(ASKED, text="What is IT?")),
    "words": lambda: key(asked=replace(ASKED, text="What was it?")),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=list(DIFFERENT))
def test_whatever_an_answer_depends_on_is_part_of_it(other: object) -> None:
    assert callable(other)
    found = other()
    assert found is not None
    assert found != key()


def test_there_is_none_without_all_collections() -> None:
    assert key(heads={FIRST: 7}) is None
    assert key(asked=Question("What is it?", ())) is None


def test_white_space_and_unicode_forms_are_no_difference() -> None:
    assert normalised("  Où\n est   l’été ? ") == normalised("Où est l’e\u0301te\u0301 ?")
    assert normalised("US") != normalised("us")


def test_a_configuration_is_the_same_in_any_order_and_never_with_another_value() -> None:
    assert configuration_of({"a": 1, "b": [2]}) == configuration_of({"b": [2], "a": 1})
    assert configuration_of({"a": 1}) != configuration_of({"a": "1"})
