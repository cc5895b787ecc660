"""Shorten sleeps and advance the clock: the SDKs poll a job's state every 5 to 30 seconds."""

import time

LONGEST = 0.1


def hurry():
    """A sleep takes a tenth of a second at most, and `time.time` moves on as if it had taken its time."""
    real_sleep, real_time = time.sleep, time.time
    skipped = 0.0

    def sleep(seconds):
        nonlocal skipped
        real_sleep(min(seconds, LONGEST))
        skipped += max(0.0, seconds - LONGEST)

    time.sleep = sleep
    time.time = lambda: real_time() + skipped
