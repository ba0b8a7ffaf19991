"""Python's search for garbage that refers to itself, kept out of the way of calls.

What a call leaves goes as soon as nothing refers to it, so the search finds next to nothing; but
to look through ten thousand calls takes a third of a second, in which no phone is answered.
New objects are looked through as usual.  The rest waits for a moment without calls, or for far
more of them than a house has.
"""

import gc

NEW = 50_000  # So many new objects are looked through together.
ROUNDS = 1_000  # So often, before it is the turn of older ones, calls or not.


def settle() -> None:
    """Once everything that stays as long as the process does is there: it is looked at no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW, ROUNDS, ROUNDS)


def search(*, quiet: bool) -> bool:
    """To be called now and then; looks through all of it where calls have been and none is."""
    _, rounds, _ = gc.get_count()
    if rounds and quiet:
        gc.collect()
        return True
    return False
