"""The process that keeps house: `python -m hven.server.keeper`."""

from __future__ import annotations

from hven.server.part import Part


def main() -> None:
    """Sweep what is over, send mails, submit what is due, until told to end."""
    part = Part("keeper")
    part.listen_to_signals()
    from hven.jobs.housekeeping import keep_forever

    keep_forever(part.ends)


if __name__ == "__main__":
    main()
