"""The phone in the service: the real agent and the real engine, with everybody else scripted."""

from collections.abc import Iterator

import pytest

from adapters.phone.phone_call import Ending, State
from adapters.sip.message import Request, parse
from adapters.sip.own_phone import LOCAL
from tests.phone.exchange import Phone
from tests.sip.messages import OFFER
from tests.sip.stage import SERVER, Stage, answer, codes, flow_of, request

HOLDING = OFFER.replace(b"a=sendrecv", b"a=sendonly")


class House:
    """``run`` carries words between the engine and its phone until neither has any."""

    def __init__(self, stage: Stage | None = None) -> None:
        self.stage = stage or Stage(has_phone=True)
        self.phone = Phone()
        self.agent = self.phone.agent
        self.seen = 0
        self.run()

    def run(self) -> None:
        while True:
            new = self.stage.left[self.seen :]
            self.seen = len(self.stage.left)
            for flow, data in new:
                if flow == LOCAL:
                    self.agent.receive(data)
            out = self.agent.take_out()
            for data in out:
                self.stage.feed(data, LOCAL)
            if not out and self.seen == len(self.stage.left):
                return

    def ring(self) -> list[Request]:
        invites = self.stage.ring()
        self.run()
        return [one for one in invites if "transport=local" not in one.uri]

    def last(self, user: str, start: bytes) -> Request:
        """The last that this phone, or the server, was sent."""
        flow = SERVER if user == "server" else flow_of(user)
        found = [data for to, data in self.stage.left if to == flow and data.startswith(start)]
        return request(found[-1])

    def say(self, data: bytes, user: str) -> None:
        self.stage.feed(data, SERVER if user == "server" else flow_of(user))
        self.run()

    def codes_to_server(self) -> list[int]:
        return codes(
            [
                data
                for to, data in self.stage.left
                if to == SERVER and data.startswith(b"SIP") and b" INVITE\r\n" in data
            ]
        )


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    assert not made.agent.drops
    assert not made.stage.engine.around.drops["fault"]
    made.stage.close()


def ack_of_server(house: House) -> None:
    ours = [d for to, d in house.stage.left if to == SERVER and d.startswith(b"SIP/2.0 200")]
    to = parse(ours[-1]).first("to")
    ack = house.stage.request("ACK", "sip:4212@127.0.0.1", user="7000", call_id="call", to=to)
    house.say(ack, "server")


def test_it_rings_with_the_others_and_answers(house: House) -> None:
    house.ring()
    assert house.phone.call().state is State.RINGING
    assert house.phone.call().number == "7000"
    house.agent.answer("1")
    house.run()
    assert house.codes_to_server() == [100, 180, 200]
    ack_of_server(house)
    house.agent.hang_up("1")
    house.run()
    assert house.last("server", b"BYE").call_id == "call"


def test_it_declines_and_picks_up_all_the_same(house: House) -> None:
    house.ring()
    house.agent.decline("1")
    house.run()
    house.agent.call("*8")
    house.run()
    assert house.codes_to_server() == [100, 180, 200]
    assert house.phone.call("2").state is State.TALKING
    ack_of_server(house)
    house.agent.hold("2")
    house.run()
    assert b"a=sendonly" in house.last("server", b"INVITE").body
    house.agent.hang_up("2")
    house.run()
    assert house.last("server", b"BYE").call_id == "call"


def test_another_answers_and_it_has_missed_nothing(house: House) -> None:
    invites = house.ring()
    contact = [("Contact", "<sip:b@127.0.0.12>")]
    house.say(answer(invites[1], 200, contact, OFFER), "b")
    assert house.phone.call().ending is Ending.ANSWERED_ELSEWHERE
    assert not house.phone.call().is_missed


def test_the_caller_gives_up_and_it_has_missed_a_call(house: House) -> None:
    house.ring()
    cancel = house.stage.request(
        "CANCEL", "sip:4212@127.0.0.1", user="7000", call_id="call",
        branch=parse(house.stage.invite).via.branch,
    )  # fmt: skip
    house.say(cancel, "server")
    assert house.phone.call().is_missed


def test_it_declines_and_the_others_ring_on(house: House) -> None:
    house.ring()
    house.agent.decline("1")
    house.run()
    assert house.codes_to_server() == [100, 180]


def test_while_it_talks_another_call_rings_only_the_others(house: House) -> None:
    house.ring()
    house.agent.answer("1")
    house.run()
    ack_of_server(house)
    second = house.stage.request(
        "INVITE", "sip:4212@127.0.0.1", user="7001", call_id="second", body=OFFER
    )
    house.say(second, "server")
    assert house.phone.call("2").ending is Ending.BUSY_HERE
    assert house.last("a", b"INVITE").first("from").startswith("<sip:7001@")


def call_alias(house: House) -> Request:
    """A call to phone a, which answers."""
    house.stage.register()
    house.agent.call("1")
    house.run()
    invite = house.last("a", b"INVITE")
    house.say(answer(invite, 180), "a")
    assert house.phone.call().state is State.RINGING
    house.say(answer(invite, 200, [("Contact", "<sip:a@127.0.0.11>")], OFFER), "a")
    assert house.phone.call().state is State.TALKING
    return invite


def test_it_calls_an_alias_and_holds(house: House) -> None:
    call_alias(house)
    house.agent.hold("1")
    house.run()
    again = house.last("a", b"INVITE")
    assert b"a=sendonly" in again.body
    house.say(answer(again, 200, [("Contact", "<sip:a@127.0.0.11>")], OFFER), "a")
    assert house.phone.call().state is State.HELD
    house.agent.hang_up("1")
    house.run()
    assert house.last("a", b"BYE")


def test_it_is_held(house: House) -> None:
    invite = call_alias(house)
    dialog = {
        "call_id": invite.call_id,
        "to": invite.first("from"),
        "more": [("From", f"{invite.first('to')};tag=tt")],
    }
    again = house.stage.request("INVITE", "sip:0@127.0.0.1", cseq=5, body=HOLDING, **dialog)  # type: ignore[arg-type]
    house.say(again, "a")
    assert house.phone.call().is_held_by_peer
    house.say(house.stage.request("ACK", "sip:0@127.0.0.1", cseq=5, **dialog), "a")  # type: ignore[arg-type]
    house.say(house.stage.request("BYE", "sip:0@127.0.0.1", cseq=6, **dialog), "a")  # type: ignore[arg-type]
    assert house.phone.call().ending is Ending.PEER_HUNG_UP


def test_it_calls_the_world_on_the_line(house: House) -> None:
    house.stage.register_line()
    house.agent.call("0891234")
    house.run()
    invite = house.last("server", b"INVITE")
    assert invite.uri == "sip:0891234@provider.test"
    assert invite.first("from").startswith("<sip:4212@provider.test>")
    house.say(answer(invite, 486), "server")
    assert house.phone.call().ending is Ending.BUSY


def test_it_gives_up(house: House) -> None:
    house.stage.register()
    house.agent.call("1")
    house.run()
    invite = house.last("a", b"INVITE")
    house.say(answer(invite, 180), "a")
    house.agent.hang_up("1")
    house.run()
    assert house.last("a", b"CANCEL").via.branch == invite.via.branch


def test_a_number_without_a_line_to_it(house: House) -> None:
    house.agent.call("77")
    house.run()
    assert (house.phone.call().ending, house.phone.call().code) == (Ending.NO_ANSWER, 480)


def test_it_cannot_call_itself(house: House) -> None:
    house.agent.call("0")
    house.run()
    assert not house.phone.call().is_open
    assert [*house.agent.calls] == ["1"]
