"""The command `grokbench`, also `python -m grokbench`."""

from grokbench.io.signals import exit_at_once, handling_signals

__all__ = ["main"]


def main() -> None:
    """Run the command line. A signal ends it at once, even while its modules are being imported."""
    with handling_signals(exit_at_once):
        from grokbench import cli

        cli.main()


if __name__ == "__main__":
    main()
