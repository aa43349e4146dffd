"""Runs the system's own tools (`ip`, `nft`, `mount`) and says what is missing or went wrong.

Rules of this file: argument lists only, never a shell line; an error carries the tool's own words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from vipkeeper.model.errors import MissingPrivilege, VipkeeperError

# The Debian package that brings each tool, for the sentence that says what to install.
DEBIAN_PACKAGES = {
    "etcd": "etcd-server",
    "java": "default-jre-headless",
    "/usr/share/java/zookeeper.jar": "zookeeper",
    "ip": "iproute2",
    "nft": "nftables",
    "keepalived": "keepalived",
    "/usr/lib/frr/vrrpd": "frr",
    "mkfs.ext4": "e2fsprogs",
    "fsfreeze": "util-linux",
}


class CommandFailed(VipkeeperError):
    """A system tool refused; the message has its words."""


class MissingTool(VipkeeperError):
    """A program that the lab starts is not installed; the message says how to get it."""

    exit_code = 69


def run_command(*arguments: str, text_input: str | None = None) -> str:
    """Output of a command that has to succeed. Raises CommandFailed or MissingTool."""
    try:
        done = subprocess.run(  # noqa: PLW1510 (the return code is turned into our own error below)
            arguments, input=text_input, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise MissingTool(missing_tool_message([arguments[0]])) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise CommandFailed(f"`{' '.join(arguments)}` failed with {done.returncode}: {said}")
    return done.stdout


def missing_tools(*tools: str) -> list[str]:
    """Those of `tools` that are not on the PATH; of an absolute path, whether that file is there."""
    return [tool for tool in tools if not (shutil.which(tool) or (tool[0] == "/" and Path(tool).exists()))]


def missing_tool_message(tools: list[str]) -> str:
    packages = sorted({DEBIAN_PACKAGES.get(tool, tool) for tool in tools})
    return f"{', '.join(tools)} not found. Install with: apt-get install -y {' '.join(packages)}"


def require_for_lab(*tools: str) -> None:
    """Raises MissingPrivilege without root, MissingTool when one of `tools` or `ip` is not installed."""
    if os.geteuid() != 0:
        raise MissingPrivilege(
            "the lab makes network namespaces and needs root; run it with sudo, or in a container started "
            "with --privileged"
        )
    missing = missing_tools("ip", *tools)
    if missing:
        raise MissingTool(missing_tool_message(missing))
