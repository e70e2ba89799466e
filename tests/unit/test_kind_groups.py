"""Where one chooses what to propose, every kind stands once, under a heading; a new kind is never lost."""

from collections import Counter

from frontend.words.kind_groups import KIND_GROUPS, grouped
from governance.kinds import all_kinds


def test_every_kind_stands_under_one_heading() -> None:
    listed = Counter(name for _heading, names in KIND_GROUPS for name in names)
    assert set(listed) == set(all_kinds())
    assert set(listed.values()) == {1}


def test_a_kind_that_nobody_listed_stands_under_the_last_heading_and_empty_headings_go() -> None:
    found = grouped({"poll": 1, "something_new": 2})
    assert [list(kinds) for _heading, kinds in found] == [["poll"], ["something_new"]]
    assert found[-1][0] == str(KIND_GROUPS[-1][0])
