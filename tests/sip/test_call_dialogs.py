"""The messages that the orders of a call become."""

from msgspec.structs import replace

from adapters.sip.call_dialogs import CallDialogs, reasons
from core.events.orders import COMPLETED_ELSEWHERE
from tests.sip.messages import OFFER
from tests.sip.stage import CONFIG, SERVER, Stage, answer, flow_of, methods, request, responses
from tests.sip.test_calls import caller

A, B, C = map(flow_of, "abc")
KEY = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2Vj\r\n"


class Paper:
    """A wire that only notes what was to be sent."""

    def __init__(self) -> None:
        self.said: list[bytes] = []

    def request(self, _owner: object, _branch: str, _method: str, data: bytes, _f: object) -> None:
        self.said.append(data)

    def ack(self, _owner: object, data: bytes, _flow: object) -> None:
        self.said.append(data)

    def answer(self, _owner: object, _code: int, data: bytes) -> None:
        self.said.append(data)


def test_the_record_alone_spells_every_message_again(stage: Stage) -> None:
    ours, _ = stage.answered()
    stage.feed(caller(stage, "INFO", cseq=2, to=ours.first("to")), SERVER)
    stage.feed(caller(stage, "BYE", cseq=3, to=ours.first("to")), SERVER)
    (stream,) = stage.engine.exchange.calls.open
    paper = Paper()
    dialogs = CallDialogs(stream, stage.engine.around, paper)
    for recorded in stage.log.read(stream=stream):
        dialogs.carry_out(recorded.turn)
    left = {data for _, data in stage.left}
    assert len(paper.said) > 6
    assert [data for data in paper.said if data not in left] == []


def test_why_a_leg_is_cancelled_is_said_twice() -> None:
    assert reasons("") == ()
    assert reasons("SIP;cause=408") == (("Reason", "SIP;cause=408"),)
    assert [name for name, _ in reasons(COMPLETED_ELSEWHERE)] == ["Reason", "Reason"]


def test_a_phone_that_wants_missed_calls_is_told_no_reason() -> None:
    a, *others = CONFIG.phones
    quiet = replace(a, log_answered_elsewhere=True)
    stage = Stage(replace(CONFIG, phones=(quiet, *others)))
    invites = stage.ring()
    stage.feed(answer(invites[0], 180), A)
    stage.feed(answer(invites[2], 180), C)
    stage.feed(answer(invites[1], 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    told = {flow: request(stage.to(flow)[0]).all("reason") for flow in (A, C)}
    assert told[A] == []
    assert len(told[C]) == 2
    stage.close()


def test_keys_reach_the_phones_and_not_the_log(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    offer = OFFER.replace(b"RTP/AVP", b"RTP/SAVP") + KEY
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", body=offer)
    stage.feed(invite, SERVER)
    assert request(stage.to(A)[0]).body == offer
    stage.wait(0.1)
    assert not [r for r in stage.log.read() if "c2VjcmV0" in repr(r.turn)]


def test_the_record_route_of_a_proxy_is_followed(stage: Stage) -> None:
    stage.register_line()
    stage.register()
    more = [("Record-Route", "<sip:127.0.0.2:5080;lr>, <sip:127.0.0.3;lr>")]
    invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", more=more, body=OFFER
    )
    stage.feed(invite, SERVER)
    leg = request(stage.to(B)[0])
    stage.feed(answer(leg, 200, [("Contact", "<sip:b@127.0.0.12>")], OFFER), B)
    (ours,) = responses(stage.to(SERVER))
    assert ours.all("record-route") == [more[0][1]]
    stage.feed(caller(stage, "ACK", to=ours.first("to")), SERVER)
    stage.fresh = []
    stage.engine.change("hotspot.enabled", False, stage.at)
    stage.flush()
    (bye,) = (request(d) for f, d in stage.fresh if f == SERVER._replace(port=5080))
    assert bye.method == "BYE"
    assert bye.all("route") == ["<sip:127.0.0.2:5080;lr>", "<sip:127.0.0.3;lr>"]
    assert "BYE" in methods(stage.to(B))
