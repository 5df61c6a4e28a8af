"""Which signals are answered, and that they mean afterwards what they meant before."""

import signal

from grokbench.io.signals import handling_signals


def handler(number, frame):
    raise AssertionError("no signal was sent")


def test_signals_are_answered_for_a_while():
    known = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in known]
    with handling_signals(handler):
        assert [signal.getsignal(number) for number in known] == [
            way if way is signal.SIG_IGN else handler for way in before
        ]
    assert [signal.getsignal(number) for number in known] == before


def test_a_system_without_a_signal_answers_the_others(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP")  # as on Windows, where results can be read
    before = signal.getsignal(signal.SIGTERM)
    with handling_signals(handler):
        assert signal.getsignal(signal.SIGTERM) is handler
    assert signal.getsignal(signal.SIGTERM) is before
