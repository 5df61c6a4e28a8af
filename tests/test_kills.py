"""A run that is killed, again and again, ends with the leaderboard of one that is not."""

import random

from .helpers import kills, tiny


def test_four_kills_at_random_moments_change_nothing(tmp_path):
    report = kills.siege(tiny.write(tmp_path), tmp_path, 4, random.Random(0), in_a_row=3)
    assert report.kills.total() == 4 and report.completed >= 1
    assert {who for _, who in report.kills} == {"parent", "group"}
