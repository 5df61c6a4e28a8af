"""Messages of a command: the lines of `grokbench status`, and the one sentence of an error."""

from .tiny import grokbench


def status(folder):
    """The lines of `grokbench status`."""
    done = grokbench("status", folder)
    assert (done.status, done.err) == (0, ""), done
    return done.out.splitlines()


def one_sentence(done, *said, exit_status=2):
    """Check that the command ended with one message that contains all of these words."""
    assert done.status == exit_status, done.err
    *_, last = done.err.strip().splitlines()
    assert last.startswith("Error: ") and "Traceback" not in done.err, done.err
    for words in said:
        assert words in last, f"{words!r} is not in {last!r}"
    return last
