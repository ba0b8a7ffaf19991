"""How long a server took, seen from the wire: a tap on the loopback, with the kernel's times."""

import select
import socket
import struct
import threading
from types import TracebackType

ALL = 3  # ETH_P_ALL
TIMES = 35  # SO_TIMESTAMPNS
TIMEOUT_S = 0.2


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Tap:
    """Times by order: the first INVITE in goes with the first three out, and so on.

    That holds for a server with one worker, at a pace at which nothing is sent twice.
    """

    def __init__(self, server: str, winner: str) -> None:
        self.server = socket.inet_aton(server)
        self.winner = socket.inet_aton(winner)
        self.seen: dict[str, list[float]] = {"INVITE": [], "invite": [], "200": [], "cancel": []}
        self.running = False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        try:
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL))
        except PermissionError:
            return
        self.sock.bind(("lo", ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, TIMES, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 25)
        self.running = True

    def __enter__(self) -> "Tap":
        if self.running:
            self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.running:
            self.running = False
            self.thread.join()
            self.sock.close()

    def listen(self) -> None:
        while self.running:
            if not select.select([self.sock], [], [], TIMEOUT_S)[0]:
                continue
            packet, ancillary, _flags, address = self.sock.recvmsg(2048, 64)
            if address[2] == socket.PACKET_OUTGOING or packet[9:10] != b"\x11":
                continue  # Each packet of the loopback is seen going out and coming in.
            seconds, nanoseconds = struct.unpack("ll", ancillary[0][2])
            self.note(packet, seconds + nanoseconds / 1e9)

    def note(self, packet: bytes, at: float) -> None:
        source, target, payload = packet[12:16], packet[16:20], packet[28:]
        if target == self.server and payload.startswith(b"INVITE "):
            self.seen["INVITE"].append(at)
        elif source == self.server and payload.startswith(b"INVITE "):
            self.seen["invite"].append(at)
        elif source == self.server and payload.startswith(b"CANCEL "):
            self.seen["cancel"].append(at)
        elif (
            target == self.server
            and source == self.winner
            and payload.startswith(b"SIP/2.0 200 ")
            and b" INVITE\r\n" in payload
        ):
            self.seen["200"].append(at)

    def lines(self) -> list[str]:
        if not self.seen["INVITE"]:
            return ["times: not measured, a tap needs root"]
        return [
            self.line("INVITE in to last INVITE out", "INVITE", "invite", 3),
            self.line("200 in to last CANCEL out", "200", "cancel", 2),
        ]

    def line(self, title: str, begins: str, ends: str, each: int) -> str:
        began, ended = self.seen[begins], self.seen[ends]
        if not began or len(ended) != each * len(began):
            return f"{title}: {len(began)} and {len(ended)} were seen, so no times"
        took = [(end - at) * 1000 for at, end in zip(began, ended[each - 1 :: each], strict=True)]
        return f"{title}: p50 {quantile(took, 0.5):.2f} ms, p99 {quantile(took, 0.99):.2f} ms"
