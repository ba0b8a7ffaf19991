"""The time of the service: Unix nanoseconds that never jump.

Read once from the wall and carried on by the monotonic clock, so that a clock set forward
or back changes no call and no timer.  A restart reads the wall again.
"""

import time


class Clock:
    def __init__(self) -> None:
        self.offset = time.time_ns() - time.monotonic_ns()

    def at(self) -> int:
        return self.offset + time.monotonic_ns()
