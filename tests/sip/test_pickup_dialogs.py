"""Keys of the media reach whom they are meant for, and the record has none of them."""

from tests.sip.messages import OFFER
from tests.sip.stage import SERVER, Stage, flow_of, request, responses

PROTECTED = OFFER.replace(b"RTP/AVP", b"RTP/SAVP")
MINE = PROTECTED.replace(b"192.0.2.7", b"192.0.2.13")
C = flow_of("c")
KEY = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n"
OURS, THEIRS = KEY % b"b3Vycw==", KEY % b"dGhlaXJz"


def test_each_side_is_given_the_key_of_the_other_one() -> None:
    stage = Stage()
    stage.register_line()
    stage.register("a", "c")
    invite = stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=PROTECTED + THEIRS
    )
    stage.feed(invite, SERVER)
    stage.proven("INVITE", "sip:*8@127.0.0.1", user="c", call_id="pick", body=MINE + OURS)
    (ok,) = (each for each in responses(stage.to(C)) if each.code == 200)
    (up,) = responses(stage.to(SERVER))
    assert THEIRS in ok.body
    assert OURS in up.body
    recorded = [repr(recorded.turn) for recorded in stage.log.read()]
    assert any("PickupArrived" in turn for turn in recorded)
    assert not any("b3Vycw" in turn or "dGhlaXJz" in turn for turn in recorded)
    stage.close()


def test_its_dialog_is_the_one_that_it_has_opened() -> None:
    stage = Stage()
    stage.register_line()
    stage.register("a", "c")
    invite = stage.request("INVITE", "sip:4212@127.0.0.1", user="7000", call_id="call", body=OFFER)
    stage.feed(invite, SERVER)
    stage.proven("INVITE", "sip:*8@127.0.0.1", user="c", call_id="pick", body=OFFER)
    (ok,) = (each for each in responses(stage.to(C)) if each.code == 200)
    ups = responses(data for _, data in stage.left)
    (up,) = (each for each in ups if each.call_id == "call" and each.code == 200)
    to, back = ok.first("to"), up.first("to")
    stage.feed(stage.request("ACK", user="c", call_id="pick", cseq=2, to=to), C)
    stage.feed(stage.request("ACK", user="7000", call_id="call", to=back), SERVER)
    stage.feed(stage.request("BYE", user="7000", call_id="call", cseq=2, to=back), SERVER)
    (bye,) = (request(data) for data in stage.to(C) if data.startswith(b"BYE"))
    assert (bye.call_id, bye.first("to")) == ("pick", "<sip:c@127.0.0.1>;tag=tc")
    assert bye.first("from") == ok.first("to")
    stage.close()
