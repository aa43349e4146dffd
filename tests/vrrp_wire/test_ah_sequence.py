"""The counter of AH: what uses up a number, and that it survives restarts and partitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.vrrp_wire.crafted import V2, advertisement, ipv4, outcome
from tests.vrrp_wire.worked_packets import KEY
from vrrp_compat.wire.advertisement import Datagram
from vrrp_compat.wire.ah_sequence import LAST_SEQUENCE, AhSequence
from vrrp_compat.wire.authentication import with_key

EXPECTED = replace(V2, authentication=KEY)
NOW_S = 1_800_000_000
HOUR_S = 3600


def sent(sequence: int, **changes: object) -> Datagram:
    return ipv4(advertisement(V2, **changes), authentication=KEY, sequence=sequence)


def test_a_number_counts_once_and_gaps_are_fine() -> None:
    sequence = AhSequence()
    assert [outcome(sent(n), EXPECTED, sequence) for n in (1, 2, 2, 1, 900, 3)] == [
        *("accept", "accept", "ah-replay", "ah-replay", "accept", "ah-replay")
    ]


def test_what_we_send_is_no_news_when_it_comes_back() -> None:
    sequence = AhSequence()
    assert outcome(sent(sequence.next(NOW_S)), EXPECTED, sequence) == "ah-replay"


def test_a_new_master_goes_on_where_the_former_one_stopped() -> None:
    sequence = AhSequence()
    outcome(sent(NOW_S + 500), EXPECTED, sequence)
    assert [sequence.next(NOW_S), sequence.next(NOW_S + 1)] == [NOW_S + 501, NOW_S + 502]


def test_a_keepalived_that_counts_from_one_is_believed_by_who_just_started() -> None:
    assert outcome(sent(1), EXPECTED, AhSequence()) == "accept"


def test_a_restart_goes_on_above_what_was_sent_before() -> None:
    before, receiver = AhSequence(), AhSequence()
    for second in range(100):
        assert receiver.accept(before.next(NOW_S + second))
    assert receiver.accept(AhSequence().next(NOW_S + 100))


def test_after_a_partition_the_first_packet_of_either_side_is_taken() -> None:
    left, right = AhSequence(5000), AhSequence(5000)
    for second in range(10):
        left.next(NOW_S + second)
    for second in range(0, 10, 3):  # the other side was a master for a shorter time
        right.next(NOW_S + second)
    heal_s = NOW_S + 10
    assert left.accept(right.next(heal_s))
    assert right.accept(left.next(heal_s))


def test_a_good_packet_uses_up_its_number_even_if_it_is_discarded_later() -> None:
    sequence = AhSequence()
    assert outcome(sent(7, interval_cs=200), EXPECTED, sequence) == "interval"
    assert sequence.highest == 7


def test_a_packet_that_is_not_proven_uses_up_nothing() -> None:
    sequence = AhSequence(3)
    forged = ipv4(advertisement(V2), authentication=with_key(b"guessed"), sequence=LAST_SEQUENCE)
    assert outcome(forged, EXPECTED, sequence) == "ah-icv"
    assert sequence.highest == 3


def test_at_the_end_of_the_numbers_everybody_begins_again() -> None:
    sender, receiver = AhSequence(LAST_SEQUENCE - 1), AhSequence(LAST_SEQUENCE - 1)
    numbers = [sender.next(NOW_S) for _ in range(3)]
    assert numbers == [LAST_SEQUENCE, NOW_S, NOW_S + 1]
    assert all(receiver.accept(number) for number in numbers)
    assert not receiver.accept(NOW_S)


@given(
    heard=st.integers(0, LAST_SEQUENCE - HOUR_S),
    clocks_s=st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=20),
)
def test_whatever_the_clock_does_numbers_grow(heard: int, clocks_s: list[int]) -> None:
    sequence = AhSequence(heard)
    clocks_s = [clock_s if clock_s < LAST_SEQUENCE - HOUR_S else 0 for clock_s in clocks_s]
    numbers = [heard, *(sequence.next(clock_s) for clock_s in clocks_s)]
    assert numbers == sorted(set(numbers))


@given(heard=st.integers(0, 2**32 - 1), clock_s=st.integers())
def test_every_number_fits_the_wire(heard: int, clock_s: int) -> None:
    assert 0 < AhSequence(heard).next(clock_s) <= LAST_SEQUENCE
