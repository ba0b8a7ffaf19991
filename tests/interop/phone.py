"""The phone of shared/interop, with more that it can do: ``python phone.py`` as that one.

SIGUSR1 puts its calls on hold and SIGUSR2 takes them up again.  Each key that the other side
presses (RFC 4733) is an event ``digit``.
"""

import importlib.util
import signal
import sys
from pathlib import Path
from typing import Any

import pjsua2 as pj

PHONE = Path(__file__).parents[2].parent / "shared" / "interop" / "pjsua2" / "phone.py"


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("peer_phone", PHONE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hold(phone: Any) -> None:
    for call in phone.calls.values():
        call.setHold(pj.CallOpParam())


def resume(phone: Any) -> None:
    for call in phone.calls.values():
        again = pj.CallOpParam(True)
        again.opt.flag = pj.PJSUA_CALL_UNHOLD
        again.opt.videoCount = 0
        call.reinvite(again)


def main() -> None:
    peer = loaded()
    begin = peer.Phone.__init__

    def begin_with_signals(phone: Any, options: Any) -> None:
        begin(phone, options)
        signal.signal(signal.SIGUSR1, lambda *_: phone.after(0, lambda: hold(phone)))
        signal.signal(signal.SIGUSR2, lambda *_: phone.after(0, lambda: resume(phone)))

    peer.Phone.__init__ = begin_with_signals
    peer.Call.onDtmfDigit = lambda _call, heard: peer.event("digit", digit=heard.digit)
    try:
        peer.main()
    except pj.Error as error:
        peer.event("error", info=f"{error.title}: {error.reason}")
        sys.exit(1)


if __name__ == "__main__":
    main()
