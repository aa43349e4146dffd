"""vrrp_sync_group: the VIPs that move as one.

Rules of this file: see `drafts.py`; the members are those that keepalived counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from vipkeeper.config.keepalived.drafts import Draft
from vipkeeper.config.keepalived.instances import Instance
from vipkeeper.config.keepalived.notifications import put_notifications
from vipkeeper.config.keepalived.settings_alike import put_flag
from vipkeeper.config.keepalived.tracks import Definitions, put_track, put_tracks, read_tracks
from vipkeeper.config.keepalived.views import View
from vipkeeper.config.toml_positions import Path


def put_group(
    draft: Draft, view: View, name: str, instances: Mapping[str, Instance], *, known: Definitions
) -> None:
    """One group under the name `name`. Instances that are no VIPs here are none of its members."""
    lines = [line for line in view.lines("group") if line.keyword in instances]
    if not lines:
        draft.leave_out(view.statement, "it has no members")
        return
    path: Path = ("sync_group", name)
    draft.open_table(path, view.statement, f"vrrp_sync_group {view.name}")
    members = [(instances[line.keyword].vip, line.statement) for line in lines]
    draft.put_list((*path, "vips"), members, view.statement)
    put_flag(draft, path, view, "sync_group_tracking_weight", "tracking_weight")
    put_tracks(draft, path, view, known)
    for track in read_tracks(view, "track_interface"):
        put_track(draft, path, track)
    put_notifications(draft, path, view)
