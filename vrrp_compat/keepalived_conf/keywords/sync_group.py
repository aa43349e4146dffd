"""Keywords of `vrrp_sync_group`.

Rules of this file: as in `instance.py`.
"""

from __future__ import annotations

from vrrp_compat.keepalived_conf.keywords.parameters import Bool
from vrrp_compat.keepalived_conf.keywords.rows import (
    Layout,
    Listing,
    Row,
    carried_out,
    no_meaning,
    program,
    refused,
)

_NOTIFY = (
    *(
        carried_out(
            f"notify_{state}",
            *program(),
            ours=f"sync_group.NAME.notify.{state}",
            first_counts=True,
        )
        for state in ("master", "backup", "fault", "stop")
    ),
    carried_out("notify", *program(), ours="sync_group.NAME.notify.any", first_counts=True),
    carried_out("notify_priority_changes", Bool(), ours="sync_group.NAME.notify.priority_changes"),
    carried_out("smtp_alert", Bool(), ours="sync_group.NAME.notify.smtp_alert"),
)

SYNC_GROUP: tuple[Row, ...] = (
    carried_out("group", ours="sync_group.NAME.vips", layout=Layout(listing=Listing.NAMES)),
    carried_out(
        "sync_group_tracking_weight",
        ours="sync_group.NAME.tracking_weight",
        says="Without it, weights of what members track do not count.",
    ),
    no_meaning(
        "global_tracking",
        why="What members track counts for the group anyway; track in the group itself.",
        reported=True,
    ),
    carried_out(
        "track_interface",
        ours="sync_group.NAME.track_interface",
        layout=Layout(listing=Listing.INTERFACES),
    ),
    carried_out("track_script", ours="sync_group.NAME.track_script", layout=Layout(listing=Listing.SCRIPTS)),
    carried_out("track_file", ours="sync_group.NAME.track_file", layout=Layout(listing=Listing.FILES)),
    carried_out(
        "track_process", ours="sync_group.NAME.track_process", layout=Layout(listing=Listing.PROCESSES)
    ),
    refused(
        "track_bfd",
        why="BFD is not spoken here: let FRR or BIRD speak it and track what it says by a script.",
        layout=Layout(listing=Listing.BFDS),
    ),
    *_NOTIFY,
)
