"""The process that takes jobs whose turn it is: `python -m hven.server.dispatcher`."""

from __future__ import annotations

from hven.server.part import Part


def main() -> None:
    """Dispatch until told to end."""
    part = Part("dispatcher")
    part.listen_to_signals()
    from hven.jobs.dispatch import dispatch_forever

    dispatch_forever(part.ends)


if __name__ == "__main__":
    main()
