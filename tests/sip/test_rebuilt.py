"""Requests made again from what was recorded of them match what is repeated."""

from adapters.sip.facts import origin_of
from adapters.sip.matching import server_key
from adapters.sip.message import Flow, parse
from adapters.sip.rebuilt import invite_of, request_of
from core.events.observed import RequestArrived
from tests.sip.messages import INVITE
from tests.sip.stage import SERVER, request
from tests.sip.test_dialog import a_dialog


def test_an_invite_from_its_origin() -> None:
    heard = request(INVITE)
    again = invite_of(origin_of(heard, SERVER))
    assert server_key(again) == server_key(heard)
    for name in ("via", "record-route", "from", "to", "call-id", "cseq"):
        assert again.all(name) == heard.all(name)
    assert again.uri == heard.uri
    assert again.body == b""


def test_an_origin_keeps_its_way_back() -> None:
    origin = origin_of(request(INVITE), SERVER)
    assert Flow.read(origin.flow) == SERVER
    assert origin.contact == "sip:4213@192.0.2.7:5062"


def test_a_request_within_from_its_observation() -> None:
    dialog = a_dialog()
    dialog.remote += ";tag=theirs"
    via = "SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK9"
    again = request_of(dialog, RequestArrived(by="2", method="INFO", number=7, vias=(via,)))
    assert (again.method, again.cseq, again.from_tag, again.to_tag) == ("INFO", 7, "theirs", "tag")
    assert again.all("via") == [via]
    assert parse(INVITE).call_id != again.call_id == "call"
