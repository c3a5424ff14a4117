"""Identifiers: they sort by creation, cannot be guessed, and repeat only when they must."""

import time
from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from citewell.domain.ids import DEFAULT_TENANT, VersionId, chunk_id, new_id


def test_an_id_is_a_uuid_of_version_7_that_holds_the_time_of_its_creation() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in made)


def test_ids_never_repeat_and_share_no_random_bits() -> None:
    made = {new_id() for _ in range(20_000)}
    assert len(made) == 20_000
    always = never = (1 << 80) - 1
    for one in made:
        always, never = always & one.int, never & ~one.int
    # Version and variant are the six bits that never change.
    fixed = bin(always | never).count("1")
    assert fixed == 6


def test_the_default_tenant_is_an_id_like_the_others() -> None:
    assert (DEFAULT_TENANT.version, DEFAULT_TENANT.variant) == (7, RFC_4122)


@given(
    pipelines=st.tuples(st.text(max_size=5), st.text(max_size=5)),
    ordinals=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_a_chunk_has_one_id_per_version_pipeline_and_place(
    pipelines: tuple[str, str], ordinals: tuple[int, int]
) -> None:
    version, other = VersionId(new_id()), VersionId(new_id())
    one = chunk_id(version, pipelines[0], ordinals[0])
    assert one == chunk_id(version, pipelines[0], ordinals[0])
    assert one != chunk_id(other, pipelines[0], ordinals[0])
    same = (pipelines[0], ordinals[0]) == (pipelines[1], ordinals[1])
    if "/" not in "".join(pipelines):
        assert (one == chunk_id(version, pipelines[1], ordinals[1])) is same
