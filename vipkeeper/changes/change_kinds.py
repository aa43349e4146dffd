"""The steps that take a host from one state to another, and what each one leaves behind.

Rules of this file: plain values. One change carries many addresses, so that 1000 of them are one system
call. `after` is the meaning of a change: the shell uses it to know what stands after an acknowledged change,
the in-memory host to carry changes out, and the tests to stop a plan between any two steps.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from vipkeeper.model.address_options import AddressOptions
from vipkeeper.model.host import HostState, Lifetime
from vipkeeper.model.vips import VipAddress


class SetDeadlines(msgspec.Struct, frozen=True):
    """Write deadlines into the fence, in this order; CLOSED_S stops the kernel's answers now."""

    deadlines: Mapping[str, float]


class ForgetDeadlines(msgspec.Struct, frozen=True):
    """Take addresses out of the fence: traffic for them is nobody's concern here any more."""

    addresses: tuple[str, ...]


class AddAddresses(msgspec.Struct, frozen=True):
    """Add addresses that are not there; one that is there, ours or not, is a refusal."""

    lifetimes: Mapping[VipAddress, Lifetime]
    options: Mapping[VipAddress, AddressOptions] = msgspec.field(default_factory=dict)


class RefreshAddresses(msgspec.Struct, frozen=True):
    """Give addresses of ours a new lifetime; `options` are those that they have."""

    lifetimes: Mapping[VipAddress, Lifetime]
    options: Mapping[VipAddress, AddressOptions] = msgspec.field(default_factory=dict)


class RemoveAddresses(msgspec.Struct, frozen=True):
    """Remove addresses of ours; one that is gone already is no refusal. `options` are those they have."""

    addresses: tuple[VipAddress, ...]
    options: Mapping[VipAddress, AddressOptions] = msgspec.field(default_factory=dict)


Change = SetDeadlines | ForgetDeadlines | AddAddresses | RefreshAddresses | RemoveAddresses


class Applied(msgspec.Struct, frozen=True):
    """The kernel's answer to one change: which addresses it refused, and why."""

    at_s: float  # CLOCK_BOOTTIME, read before the system call; lifetimes were counted from it
    refused: Mapping[VipAddress, str] = msgspec.field(default_factory=dict)


def after(state: HostState, change: Change, applied: Applied) -> HostState:
    """What stands once `change` was answered with `applied`."""
    match change:
        case SetDeadlines(deadlines):
            return replace(state, deadlines={**state.deadlines, **deadlines})
        case ForgetDeadlines(forgotten):
            gone = frozenset(forgotten)
            kept = {text: end for text, end in state.deadlines.items() if text not in gone}
            return replace(state, deadlines=kept)
        case RemoveAddresses(removed):
            dropped = frozenset(removed) - applied.refused.keys()
            left = {vip: span for vip, span in state.addresses.items() if vip not in dropped}
            return HostState(left, state.deadlines, state.options_of(left))
        case AddAddresses(lifetimes, options) | RefreshAddresses(lifetimes, options):
            given = {
                vip: _given(span, applied.at_s)
                for vip, span in lifetimes.items()
                if vip not in applied.refused
            }
            looks = {**state.options, **{vip: options[vip] for vip in given if vip in options}}
            return HostState({**state.addresses, **given}, state.deadlines, looks)


def _given(wanted: Lifetime, at_s: float) -> Lifetime:
    end = at_s + wanted.whole_seconds(at_s)
    return Lifetime(end, end)
