"""The generated messages: they are what etcd.proto says, and they load wherever the package does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from backends.etcd_rpc import etcd_pb2

ROOT = Path(__file__).resolve().parents[2]
PROTO = "backends/etcd_rpc/etcd.proto"


def test_the_generated_messages_are_current(tmp_path: Path) -> None:
    """Run backends/etcd_rpc/regenerate.sh when this fails."""
    wanted_file = tmp_path / "wanted"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--descriptor_set_out={wanted_file}", PROTO],
        cwd=ROOT,
        check=True,
        capture_output=True,
        env={"PYTHONWARNINGS": "ignore"},
    )
    (wanted,) = FileDescriptorSet.FromString(wanted_file.read_bytes()).file
    for message in wanted.message_type:
        for field in message.field:
            field.ClearField("json_name")  # generated code leaves it out
    assert FileDescriptorProto.FromString(etcd_pb2.DESCRIPTOR.serialized_pb) == wanted


def test_every_message_has_its_type_stub() -> None:
    stub = (ROOT / PROTO).with_name("etcd_pb2.pyi").read_text()
    for message in etcd_pb2.DESCRIPTOR.message_types_by_name.values():
        assert f"class {message.name}(" in stub
        for field in message.fields:
            assert f"{field.name.upper()}_FIELD_NUMBER" in stub


def test_the_messages_load_with_warnings_as_errors() -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", "import backends.etcd_rpc.etcd_pb2"], cwd=ROOT, check=True
    )
