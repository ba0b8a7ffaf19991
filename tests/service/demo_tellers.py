"""A teller that tells into a text, for the tests of the demo."""

import io
from math import inf

from service.demo_telling import Teller


def new_teller(as_json: bool = False) -> Teller:
    return Teller(as_json, out=io.StringIO())


def words_of(tell: Teller, until: float = inf) -> str:
    tell.tell(until)
    assert isinstance(tell.out, io.StringIO)
    return tell.out.getvalue()
