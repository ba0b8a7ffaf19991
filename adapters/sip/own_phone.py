"""The way to the hotspot's own phone: it lives in this process, so there is no socket on it.

Nothing gets lost on it, nothing is repeated, and nobody else can come by it: whatever
comes is that phone's word, and needs no proof.  What leaves for ``LOCAL`` is for the phone.
"""

from adapters.sip.via import Flow

OWN = "0"  # Its alias, and the name of the leg toward it.
HERE = "127.0.0.1:5060"  # How it sees us, and where a relay is for it.
LOCAL = Flow("local", "phone", "127.0.0.1", 5060)
URI = f"sip:{OWN}@{HERE};transport={LOCAL.transport}"


def is_local(flow: Flow) -> bool:
    return flow.transport == LOCAL.transport
