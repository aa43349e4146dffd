"""The heap of deadlines against the plain way: a dictionary that is looked through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.agent.deadlines import NEVER_S, Deadlines

NAMES = st.sampled_from("abcd")
INSTANTS = st.integers(0, 20).map(float)
SETTINGS = st.tuples(NAMES, st.none() | INSTANTS)


@given(st.lists(SETTINGS | INSTANTS, max_size=60))
def test_as_a_dictionary(steps: list[tuple[str, float | None] | float]) -> None:
    deadlines, plain = Deadlines(), dict[str, float]()
    for step in steps:
        if isinstance(step, tuple):
            name, due_s = step
            deadlines.set(name, due_s)
            plain.pop(name, None)
            if due_s is not None:
                plain[name] = due_s
        else:
            passed = {name for name, due_s in plain.items() if due_s <= step}
            taken = deadlines.take_passed(step)
            assert taken == sorted(taken, key=lambda name: (plain[name], name))
            assert set(taken) == passed
            plain = {name: due_s for name, due_s in plain.items() if name not in passed}
        assert deadlines.first_s() == min(plain.values(), default=NEVER_S)


def test_what_moves_on_does_not_pile_up() -> None:
    """A backup's deadline moves on with each advertisement, for years."""
    deadlines = Deadlines()
    for number in range(10_000):
        deadlines.set("web", float(number))
        if number % 100 == 0:
            deadlines.first_s()
    assert len(deadlines._entries) <= 2  # its memory is what is tested
