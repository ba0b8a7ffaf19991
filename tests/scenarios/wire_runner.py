"""Plays a scenario against the whole service: real SIP, a virtual network, a virtual clock.

An arrow into the hotspot becomes the bytes that its party would send, and what leaves the
engine is read again as an arrow.  What transaction layers say by themselves is said and
heard here without being asked for; only a ``wire`` line looks at it.
"""

from itertools import count
from pathlib import Path

from adapters.sip.message import Flow, Request, Response, parse
from service.engine import RIDE_NS
from tests.scenarios import steps
from tests.scenarios.steps import Arrow, Given, Scenario, Step, arrows_of, how_often
from tests.scenarios.wire_house import GRANTED_S, JUST_AFTER_MS, NONCE_KEPT_NS, WireHouse
from tests.scenarios.wire_parties import (
    HOSTS,
    HOUSE,
    Dialog,
    Headers,
    Spelling,
    answer_to,
    args_of,
    asks_proof,
    body_of,
    cancel_of,
    check_answer,
    check_request,
    flow_of,
    is_meant,
    party_at,
    proof,
    read_request,
    refer_to,
    refusal_ack,
)


class Wired(WireHouse):
    """One scenario under way: the dialogs of its parties, and what is still owed."""

    def __init__(self, scenario: Scenario, store: Path) -> None:
        super().__init__(scenario, store)
        self.spelling = Spelling()
        self.outbox: list[Arrow] = []
        self.noise: list[Arrow] = []
        self.dialogs: dict[str, Dialog] = {}  # By Call-ID.
        self.registering: dict[str, Request] = {}  # What registrar and backup were asked last.
        self.cseqs: dict[str, int] = {}
        self.refused: Response | None = None  # The last challenge of a phone, and its time.
        self.refused_at = -NONCE_KEPT_NS
        self.probes = count(1)
        answers = [one for one in arrows_of(scenario.steps) if one.method == "BYE" and one.code]
        self.says_of_byes = {one.src for one in answers}  # All others say 200 by themselves.

    # -- The givens --------------------------------------------------------------------------

    def set_the_stage(self) -> None:
        self.begin()
        for given in self.scenario.givens:
            self.give(given)
        for owed in (self.outbox, self.noise, self.decided, self.ladder):
            owed.clear()

    def give(self, given: Given) -> None:
        if given.what == "line" and given.state == "registered":
            for asked in [*self.registering.values()]:
                granted = self.arrow("registrar", "REGISTER", 200, expires=str(GRANTED_S))
                self.feed(answer_to(asked, granted), flow_of("registrar"))
            self.registering.clear()
        if given.what == "phone" and given.state.startswith("registered"):
            for phone in given.names:
                self.arrives(self.arrow(phone, "REGISTER"))
                if "two" in given.state:
                    self.arrives(self.arrow(f"{phone}.2", "REGISTER"))

    def arrow(self, src: str, method: str, code: int = 0, **args: str) -> Arrow:
        return Arrow(line=0, text="", src=src, dst="hotspot", method=method, code=code, args=args)

    # -- What leaves the hotspot ---------------------------------------------------------------

    def reaches(self, flow: Flow, message: Request | Response) -> None:
        dialog = self.dialogs.get(message.call_id)
        if isinstance(message, Response):
            self.hears_answer(flow, message, dialog)
        else:
            self.hears_request(flow, message, dialog)

    def hears_answer(self, flow: Flow, response: Response, dialog: Dialog | None) -> None:
        method, code = response.method, response.code
        party = dialog.party if dialog else party_at(flow.host)
        if response.call_id.startswith("probe"):
            self.refused, self.refused_at = (response, self.now) if code == 401 else (None, 0)
            return
        if dialog and method == "INVITE":
            first = dialog.invite is not None and dialog.opened_by_us
            if first and dialog.invite and response.cseq == dialog.invite.cseq:
                if 100 < code < 300:
                    check_answer(dialog, response)
                    dialog.remote = response.first("to")
                    contact = response.first("contact")
                    dialog.target = contact.strip("<>") or dialog.target
                if code >= 300:
                    self.feed(refusal_ack(dialog.invite, response), flow)
            else:
                method = "re-INVITE"
                if 200 <= code < 300:
                    dialog.unacked.append(response.cseq)
        arrow = self.leaving(party, method, code, args_of(response))
        is_noise = code == 100 or (method in ("CANCEL", "BYE") and code == 200)
        (self.noise if is_noise else self.outbox).append(arrow)

    def hears_request(self, flow: Flow, request: Request, dialog: Dialog | None) -> None:
        method = request.method
        if method == "REGISTER":
            party = "backup" if flow.host == HOSTS["backup"] else "registrar"
            self.registering[party] = request
            self.outbox.append(self.leaving(party, method, 0, args_of(request)))
            return
        if dialog is None:
            dialog = self.join(flow, request)
        dialog = dialog.forks.get(request.to_tag, dialog)
        party = dialog.party
        check_request(dialog, request)
        is_noise = False
        if method == "INVITE" and not request.to_tag:
            dialog.invite = request
        elif method == "INVITE":
            method = "re-INVITE"
            dialog.pending.append(request)
        elif method == "ACK":
            is_noise = self.is_refusal_ack(request)
        elif method == "BYE" and party in self.says_of_byes:
            dialog.pending.append(request)
        elif method in ("BYE", "CANCEL", "NOTIFY"):
            ok = answer_to(request, self.arrow(party, method, 200), dialog.tag)
            self.feed_later(ok, flow)
        else:
            dialog.pending.append(request)
        args = args_of(request)
        if request.to_tag in self.dialogs[request.call_id].forks:
            args["tag"] = request.to_tag
        arrow = self.leaving(party, method, 0, args)
        (self.noise if is_noise else self.outbox).append(arrow)

    def feed_later(self, data: bytes, flow: Flow) -> None:
        """The automatic 200 comes before anything that the scenario plays next."""
        self.feed(data, flow)

    def is_refusal_ack(self, ack: Request) -> bool:
        """It has the branch of the INVITE; the ACK to a 2xx has one of its own (17.1.1.3)."""
        invites = (read_request(data) for _, data in self.left if data.startswith(b"INVITE"))
        return any(invite.via.branch == ack.via.branch for invite in invites)

    def join(self, flow: Flow, invite: Request) -> Dialog:
        """An INVITE of the hotspot: to which call it belongs is said in its X-CID."""
        assert invite.method == "INVITE", f"{invite.method} of a dialog that nobody knows"
        cid = invite.first("x-cid")
        call = next((n for n, one in enumerate(self.calls, 1) if one.call_id == cid), 0)
        party = party_at(flow.host)
        dialog = Dialog(
            party="server" if party == "registrar" else party,
            call=call or len(self.calls),
            call_id=invite.call_id,
            local=f"{invite.first('to')};tag=t{party}",
            remote=invite.first("from"),
            target=invite.first("contact").strip("<>"),
            tag=f"t{party}",
        )
        self.dialogs[invite.call_id] = dialog
        return dialog

    def leaving(self, party: str, method: str, code: int, args: dict[str, str]) -> Arrow:
        return Arrow(line=0, text="", src="hotspot", dst=party, method=method, code=code, args=args)

    # -- What is played ------------------------------------------------------------------------

    def arrives(self, arrow: Arrow) -> None:
        self.tell(f"{arrow} {arrow.fate}")
        data = self.spelled(arrow)
        if arrow.late_ms:
            self.pass_time(arrow.late_ms)
        for _ in range(how_often(arrow)):
            self.feed(data, flow_of(arrow.src))
        if arrow.method == "ACK" and how_often(arrow):
            ack = read_request(data)
            self.dialogs[ack.call_id].acked.add(ack.cseq)

    def is_repeated(self, data: bytes) -> None:
        """A 2xx is said again until its ACK has come, and not after that (13.3.1.4)."""
        message = parse(data)
        if isinstance(message, Response) and message.method == "INVITE" and message.code < 300:
            dialog = self.dialogs.get(message.call_id)
            is_acked = dialog is not None and message.cseq in dialog.acked
            assert not is_acked, f"{message} was acknowledged"

    def spelled(self, arrow: Arrow) -> bytes:
        """What this party sends.  A response answers what it was asked, the oldest first."""
        party, method, code = arrow.src, arrow.method, arrow.code
        if method == "REGISTER":
            if code:
                return answer_to(self.registering[party], arrow)
            return self.register(arrow)
        if method == "INVITE" and not code:
            return self.invite(arrow)
        is_invited = code > 0 and method == "INVITE"
        dialog = self.dialog_of(party, arrow.args.get("call", ""), is_invited)
        if is_invited:
            assert dialog.invite is not None
            tag = dialog.forked(arrow.args["tag"]) if "tag" in arrow.args else dialog.tag
            return answer_to(dialog.invite, arrow, tag)
        if code:
            name = method.removeprefix("re-")
            asked = next(one for one in dialog.pending if one.method == name)
            if code >= 200:
                dialog.pending.remove(asked)
            return answer_to(asked, arrow, dialog.tag)
        return self.within(dialog, arrow)

    def within(self, dialog: Dialog, arrow: Arrow) -> bytes:
        reason = arrow.args.get("Reason", "")
        more = [("Reason", reason)] if reason else []
        name, body = arrow.method.removeprefix("re-"), body_of(arrow)
        if name == "CANCEL":
            assert dialog.invite is not None
            return cancel_of(dialog.invite, more)
        if name == "ACK":
            opening = dialog.invite.cseq if dialog.invite else 0
            cseq = dialog.unacked.pop(0) if dialog.unacked else opening
            return self.spelling.request(dialog, "ACK", cseq, more, body)
        if name == "REFER":
            replaced = arrow.args.get("replaces", "")
            other = self.dialog_of(arrow.src, replaced) if replaced else None
            more.append(("Refer-To", refer_to(arrow, other)))
        dialog.cseq = int(arrow.args.get("cseq", dialog.cseq + 1))
        return self.spelling.request(dialog, name, dialog.cseq, more, body)

    def dialog_of(self, party: str, call: str, is_invited: bool = False) -> Dialog:
        """The latest; ``is_invited``: of those that the hotspot has opened."""
        for dialog in reversed(self.dialogs.values()):
            if is_invited and dialog.opened_by_us:
                continue
            if dialog.party == party and call in ("", str(dialog.call)):
                return dialog
        raise AssertionError(f"{party} has no part in any call")

    def register(self, arrow: Arrow) -> bytes:
        device = arrow.src
        cseq = int(arrow.args.get("cseq", self.cseqs.get(device, 0) + 1))
        self.cseqs[device] = max(cseq, self.cseqs.get(device, 0))
        more = self.credentials(device, "REGISTER", f"sip:{HOUSE}")
        return self.spelling.register(arrow, cseq, more)

    def credentials(self, device: str, method: str, uri: str) -> Headers:
        """A phone asks for a challenge where it has none that is fresh."""
        if self.now - self.refused_at > NONCE_KEPT_NS:
            probe = self.arrow(device, "REGISTER", 0, **{"call-id": f"probe-{next(self.probes)}"})
            self.feed(self.spelling.register(probe, 1, []), flow_of(device))
        return [proof(self.refused, method, uri, device[0])] if self.refused else []

    def invite(self, arrow: Arrow) -> bytes:
        party, number = arrow.src, len(self.calls) + 1
        user = arrow.args.get("to") or arrow.args.get("line") or "7001"
        uri = f"sip:{user}@{HOUSE}"
        is_phone = party[0].isupper()
        dialog = Dialog(
            party=party,
            call=number,
            call_id=f"call-{len(self.dialogs) + 1}-{party}",
            local=f"<sip:{party[0] if is_phone else party}@{HOUSE}>;tag=f{party}",
            remote=f"<{uri}>",
            target=uri,
            opened_by_us=True,
        )
        wants_proof = is_phone and not arrow.wire
        more = self.credentials(party, "INVITE", uri) if wants_proof else []
        data = self.spelling.request(dialog, "INVITE", dialog.cseq, more, body_of(arrow))
        dialog.invite = read_request(data)
        self.dialogs[dialog.call_id] = dialog
        if not arrow.wire and not (user == "*8" and self.rings()):
            self.calls.append(dialog.invite)
        return data

    def never_answers(self, party: str, method: str) -> None:
        """What it answers from now on is what it was asked later."""
        pending = self.dialog_of(party, "").pending
        for asked in [one for one in pending if one.method == method][:1]:
            pending.remove(asked)

    # -- Its steps ---------------------------------------------------------------------------

    def play(self, step: Step) -> None:
        match step:
            case Arrow(wire=True):
                self.play_wire(step)
            case Arrow(dst="hotspot"):
                self.settled()
                self.arrives(step)
            case Arrow():
                self.leaves(step)
            case steps.Together(arrows=arrows):
                for arrow in arrows:
                    self.leaves(arrow, in_order=False)
            case steps.After(ms=ms):
                self.settled()
                self.pass_time(ms)
            case steps.Operator(does=does, about=about):
                self.settled()
                self.tell(step.text)
                self.operate(does, about)
                self.flush()
            case steps.Service(does=does):
                self.settled()
                self.serve(does)
            case steps.Unreachable(party=party):
                self.settled()
                self.tell(step.text)
                self.living.failed(flow_of(party), self.now)
                self.flush()
            case steps.GivenUp(party=party, method=method):
                self.pass_time(JUST_AFTER_MS)
                self.never_answers(party, method.removeprefix("re-"))
            case _:
                self.settled()
                self.expect(step)

    def play_wire(self, arrow: Arrow) -> None:
        """The ACK to a refusal and the 200 to CANCEL and BYE have been said by now.

        The ACK leaves with the commit of its turn, which waits a moment for company.
        """
        if arrow.dst != "hotspot":
            self.flush(waited=RIDE_NS)
            owed = [*self.noise, *self.outbox]
            match = next(
                (one for one in owed if is_meant(arrow, one) or asks_proof(arrow, one)), None
            )
            assert match is not None, f"{arrow} has not come: {self.orders()}"
            (self.noise if match in self.noise else self.outbox).remove(match)
        elif arrow.method in ("REGISTER", "INVITE") and not arrow.code:
            self.settled()
            self.arrives(arrow)

    def leaves(self, arrow: Arrow, in_order: bool = True) -> None:
        if arrow.wire:
            self.play_wire(arrow)
            return
        among = self.outbox[:1] if in_order else self.outbox
        match = next((sent for sent in among if is_meant(arrow, sent)), None)
        if match is not None:
            self.outbox.remove(match)
            self.tell(str(match))
        else:
            assert arrow.maybe, f"{arrow} has not come: {self.orders()}"

    def play_all(self) -> None:
        """Play it to its end, or fail with the ladder so far and the line that was not so."""
        step = Step(line=0, text="the givens")
        try:
            self.set_the_stage()
            for step in self.scenario.steps:
                self.play(step)
            step = Step(line=step.line + 1, text="the end")
            self.settled()
        except AssertionError as why:
            story = [*self.ladder, f"line {step.line}: {step.text}", f"    {why}"]
            raise AssertionError("\n".join(story)) from why
        finally:
            self.log.close()

    def orders(self) -> str:
        return "; ".join(str(arrow).strip() for arrow in self.outbox) or "nothing came"

    def settled(self) -> None:
        assert not self.outbox, f"nobody expected {self.orders()}"


def play(scenario: Scenario, store: Path) -> Wired:
    wired = Wired(scenario, store)
    wired.play_all()
    return wired
