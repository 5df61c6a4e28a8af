"""A run that is killed, again and again, ends with the leaderboard of one that is not."""

import random

from .helpers import kills, tiny


def test_two_kills_at_random_moments_change_nothing(tmp_path):
    report = kills.kill_and_complete(tiny.write(tmp_path), tmp_path, 2, random.Random(0), in_a_row=2)
    assert report.kills.total() == 2 and report.completed >= 1
    assert {who for _, who in report.kills} == {"parent", "group"}
