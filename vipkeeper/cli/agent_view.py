"""What the agent of this machine knows: the view that is left without a store.

Rules of this file: short time limits, because somebody waits; no answer is a reason in words, never a
traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from backends.store import Record, Snapshot
from vipkeeper.cli.local_question import ask
from vipkeeper.cli.vip_listing import ListedVip
from vipkeeper.config.schema import Config
from vipkeeper.model.agent_report import CONTROL_SOCKET, Answer, Report, Request, VipReport
from vipkeeper.model.errors import StoreUnreachable
from vipkeeper.model.reasons import Reason
from vipkeeper.model.records import Keys

_WITHIN_S = 6.0


def ask_agent(config: Config) -> Report | str:
    """The agent's report, or why there is none: half a sentence."""
    path = Path(config.run_dir) / CONTROL_SOCKET
    try:
        answer = msgspec.json.decode(
            ask(path, msgspec.json.encode(Request("status")), within_s=_WITHIN_S), type=Answer
        )
    except FileNotFoundError:
        return f"no agent of this machine can be asked ({path} does not exist)"
    except PermissionError:
        return f"the agent of this machine may not be asked by this user ({path}); run as root"
    except ConnectionRefusedError:
        return f"the agent of this machine has ended ({path})"
    except (OSError, msgspec.DecodeError) as error:
        return f"the agent of this machine did not answer ({path}: {error})"
    report = answer.status
    if report is None:
        return f"the agent of this machine refused to answer: {answer.error}"
    if report.prefix != Keys(config.cluster).prefix:
        return f"the agent of this machine ({path}) belongs to another cluster than {config.cluster}"
    return report


def report_of_agent(config: Config) -> Report:
    """The agent's report. Raises StoreUnreachable with what to do when there is none."""
    report = ask_agent(config)
    if isinstance(report, str):
        raise StoreUnreachable(f"{report}; start it, or name its --run-dir")
    return report


def missing_routing(report: Report) -> list[str]:
    """Sentences about routes, rules and static addresses that the agent's host should have and has not."""
    return [
        f"{report.node} has no {entry}: {why}; see its log" for entry, why in report.routing_refused.items()
    ]


def snapshot_of(report: Report) -> Snapshot:
    """The records that the agent last saw, as if the store had been read."""
    records = tuple(Record(key, bytes(raw), 1, 1) for key, raw in report.records.items())
    return Snapshot(prefix=report.prefix, revision=1, records=records)


def as_the_agent_sees(vips: Sequence[ListedVip], report: Report) -> list[ListedVip]:
    """The listing with what only the agent knows: its own lease, and whose promises carry which VIP."""
    own = {each.vip: each for each in report.vips}
    return [_as_seen(vip, own[vip.vip], report) if vip.vip in own else vip for vip in vips]


def _as_seen(listed: ListedVip, own: VipReport, report: Report) -> ListedVip:
    if own.lease_left_ms is not None:
        detail = Reason.HELD_ON_PROMISES.explained if own.held_on_promises else listed.detail
        return replace(
            listed, lease_remaining_ms=own.lease_left_ms, promised_by=own.promised_by, detail=detail
        )
    given = next((each for each in report.promises_given if each.owner == listed.owner), None)
    if given is None or not (given.vips is None or listed.vip in given.vips):
        return listed
    # The owner may serve until about then; only if it has everybody's promise, which this node cannot know.
    left_ms = max(listed.lease_remaining_ms or 0, given.left_ms)
    detail = f"{report.node} promised {given.owner} not to claim it while the store is silent"
    return replace(listed, lease_remaining_ms=left_ms, detail=detail)
