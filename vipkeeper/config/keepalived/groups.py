"""vrrp_sync_group: the VIPs that move as one.

Rules of this file: see `drafts.py`; members that do not exist are left out, as keepalived does.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.instances import Instance
from vipkeeper.config.keepalived.notifications import put_notifications
from vipkeeper.config.keepalived.settings_alike import put_flag
from vipkeeper.config.keepalived.tracks import Definitions, put_track, put_tracks, read_tracks
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path
from vrrp_compat.keepalived_conf.statements import Severity


class Members(msgspec.Struct, frozen=True):
    """What groups may have in them. `taken` grows: the instances of groups that were translated before."""

    instances: Mapping[str, Instance]
    taken: set[str]
    known: Definitions


def put_group(draft: Draft, view: View, name: str, possible: Members) -> None:
    """One group under the name `name`."""
    instances, taken = possible.instances, possible.taken
    members = []
    for line in view.lines("group"):
        instance = instances.get(line.keyword)
        if instance is None:
            wrong, fix = "there is no vrrp_instance of this name", f"the instances are {', '.join(instances)}"
            draft.remark(line.statement, Severity.MISTAKE, f"{wrong}, so it is left out", fix)
        elif line.keyword in taken:
            wrong = "it is in a group already, so it is left out here"
            draft.remark(line.statement, Severity.MISTAKE, wrong, "a VIP is in one group")
        else:
            taken.add(line.keyword)
            members.append((instance, line.statement))
    if not members:
        draft.remark(
            view.statement, Severity.MISTAKE, "no member of it exists", "it is left out; write `group`"
        )
        draft.leave_out(view.statement, "no member of it exists")
        return
    _remark_weights(draft, view, [instance for instance, _ in members])
    path: Path = ("sync_group", name)
    draft.open_table(path, view.statement, f"vrrp_sync_group {view.name}")
    draft.put_list((*path, "vips"), [(instance.vip, line) for instance, line in members], view.statement)
    put_flag(draft, (*path, "tracking_weight"), view, "sync_group_tracking_weight")
    put_tracks(draft, path, view, possible.known)
    for track in read_tracks(view, "track_interface"):
        put_track(draft, path, track)
    put_notifications(draft, path, view)


def _remark_weights(draft: Draft, view: View, members: list[Instance]) -> None:
    weighted = [member for member in members if any(track.weight for track in member.tracks)]
    if weighted and not view.flag("sync_group_tracking_weight"):
        for member in weighted:
            draft.remark(
                member.statement,
                Severity.WARNING,
                f"weights of what it tracks do not count, because it is in vrrp_sync_group {view.name}",
                "write sync_group_tracking_weight into the group, or weight 0",
            )
