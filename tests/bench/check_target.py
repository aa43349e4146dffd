"""The server that a load of TCP checks asks. Prints its port, then takes connections and closes them.

python -m tests.bench.check_target
"""

from __future__ import annotations

import socket


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            server.accept()[0].close()


if __name__ == "__main__":
    main()
