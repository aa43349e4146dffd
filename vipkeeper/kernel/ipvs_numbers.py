"""The numbers of IPVS in generic netlink (linux/ip_vs.h), and what they mean to us.

Rules of this file: pure; a number stands here once, for writing and for reading.
"""

from __future__ import annotations

import struct

from vipkeeper.model.ipvs import Forwarding, SchedulerFlag, SyncRole, Transport, TunnelChecksum, TunnelKind

FAMILY = "IPVS"
VERSION = 1

NEW_SERVICE = 1
SET_SERVICE = 2
DEL_SERVICE = 3
GET_SERVICE = 4
NEW_DEST = 5
SET_DEST = 6
DEL_DEST = 7
GET_DEST = 8
NEW_DAEMON = 9
DEL_DAEMON = 10
GET_DAEMON = 11
SET_CONFIG = 12
GET_CONFIG = 13
GET_INFO = 15
ZERO = 16
FLUSH = 17

ATTR_SERVICE = 1
ATTR_DEST = 2
ATTR_DAEMON = 3
ATTR_TIMEOUT_TCP = 4
ATTR_TIMEOUT_TCP_FIN = 5
ATTR_TIMEOUT_UDP = 6

SVC_AF = 1
SVC_PROTOCOL = 2
SVC_ADDR = 3
SVC_PORT = 4
SVC_FWMARK = 5
SVC_SCHED_NAME = 6
SVC_FLAGS = 7
SVC_TIMEOUT = 8
SVC_NETMASK = 9
SVC_STATS = 10
SVC_PE_NAME = 11
SVC_STATS64 = 12

DEST_ADDR = 1
DEST_PORT = 2
DEST_FWD_METHOD = 3
DEST_WEIGHT = 4
DEST_U_THRESH = 5
DEST_L_THRESH = 6
DEST_ACTIVE_CONNS = 7
DEST_INACT_CONNS = 8
DEST_PERSIST_CONNS = 9
DEST_STATS = 10
DEST_ADDR_FAMILY = 11
DEST_STATS64 = 12
DEST_TUN_TYPE = 13
DEST_TUN_PORT = 14
DEST_TUN_FLAGS = 15

DAEMON_STATE = 1
DAEMON_MCAST_IFN = 2
DAEMON_SYNC_ID = 3
DAEMON_SYNC_MAXLEN = 4
DAEMON_MCAST_GROUP = 5
DAEMON_MCAST_GROUP6 = 6
DAEMON_MCAST_PORT = 7
DAEMON_MCAST_TTL = 8

STATS_CONNS = 1
STATS_INPKTS = 2
STATS_OUTPKTS = 3
STATS_INBYTES = 4
STATS_OUTBYTES = 5
STATS_CPS = 6
STATS_INPPS = 7
STATS_OUTPPS = 8
STATS_INBPS = 9
STATS_OUTBPS = 10

INFO_VERSION = 1
INFO_CONN_TAB_SIZE = 2

# struct ip_vs_flags: the flags, and which of them are meant.
FLAGS = struct.Struct("=II")
F_PERSISTENT = 0x01
F_ONE_PACKET = 0x04
F_SCHEDULER = {
    SchedulerFlag.FLAG_1: 0x08,
    SchedulerFlag.FLAG_2: 0x10,
    SchedulerFlag.FLAG_3: 0x20,
}
# All that we decide on. F_HASHED (0x02) is the kernel's own.
F_OURS = F_PERSISTENT | F_ONE_PACKET | 0x08 | 0x10 | 0x20

AF_INET = 2
AF_INET6 = 10
FAMILIES = {4: AF_INET, 6: AF_INET6}
IP_VERSIONS = {AF_INET: 4, AF_INET6: 6}

TRANSPORTS = {Transport.TCP: 6, Transport.UDP: 17, Transport.SCTP: 132}
TRANSPORT_OF = {number: transport for transport, number in TRANSPORTS.items()}

FORWARDINGS = {
    Forwarding.NAT: 0,
    Forwarding.LOCAL: 1,
    Forwarding.TUN: 2,
    Forwarding.DR: 3,
    Forwarding.BYPASS: 4,
}
FORWARDING_OF = {number: forwarding for forwarding, number in FORWARDINGS.items()}
FORWARDING_MASK = 0x07

TUNNELS = {TunnelKind.IPIP: 0, TunnelKind.GUE: 1, TunnelKind.GRE: 2}
TUNNEL_OF = {number: kind for kind, number in TUNNELS.items()}
CHECKSUMS = {TunnelChecksum.NONE: 0, TunnelChecksum.CSUM: 1, TunnelChecksum.REMCSUM: 2}
CHECKSUM_OF = {number: checksum for checksum, number in CHECKSUMS.items()}

ROLES = {SyncRole.MASTER: 1, SyncRole.BACKUP: 2}
ROLE_OF = {number: role for role, number in ROLES.items()}
