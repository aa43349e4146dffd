#!/bin/sh
# Writes etcd_pb2.py and etcd_pb2.pyi anew from etcd.proto; run it from anywhere.
# The generator is pinned: code made by protoc 30 (protobuf 6.30) loads with every protobuf since then,
# newer code refuses older runtimes, and older code warns. The generator's own protobuf is too old for the
# other tools, so it lives in an environment that is thrown away.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet grpcio-tools==1.72.1 mypy-protobuf==3.6.0
cd "$root"
PATH="$work/venv/bin:$PATH" python -m grpc_tools.protoc --proto_path=. --python_out=. --mypy_out=. \
    backends/etcd_rpc/etcd.proto
