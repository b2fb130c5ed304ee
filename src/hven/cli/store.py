"""`hven store`: what finished steps take up, and removing old ones."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from hven.declare import Field, Param
from hven.declare.number import Number
from hven.errors import Fault, ParameterError
from hven.progress.sizes import size_words

if TYPE_CHECKING:
    from hven.engine import Store

_SECONDS_A_DAY = 86400.0
#: Declared as an application's parameters are, so that text becomes a value in one place.
_AGE = Field(
    "--remove-older-than",
    Param("remove steps not used for this long, as 30d or 12h", unit="d"),
    Number(unit="d", low=0),
    float,
)
_SIZE = Field(
    "--keep-below",
    Param("remove those not used for longest until less than this is left, as 20GB", unit="byte"),
    Number(unit="byte", low=0),
    float,
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError([Fault("hven store", message)])


def keep_house(words: list[str]) -> int:
    """Show the store, or remove from it what is asked for."""
    try:
        options = _parser().parse_args(words)
    except SystemExit as end:  # argparse, after it has printed the help
        return int(end.code or 0)
    days, size = _limits(options)
    from hven.library import store_of

    store = store_of(options.store)
    if days is None and size is None:
        _show(store)
        return 0
    removed = store.remove(
        older_than=None if days is None else days * _SECONDS_A_DAY,
        beyond_bytes=None if size is None else int(size),
        dry_run=options.dry_run,
    )
    _show_removed(list(removed), store, dry_run=options.dry_run)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="hven store",
        usage="hven store [--remove-older-than AGE] [--keep-below SIZE] [--dry-run] [--store URL]",
        description="What finished steps take up; what a running job uses is never removed. "
        "The store of a service is kept small by the service, which knows what its jobs stand on.",
        allow_abbrev=False,
    )
    for field, metavar in ((_AGE, "AGE"), (_SIZE, "SIZE")):
        parser.add_argument(field.name, metavar=metavar, help=field.help)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")
    parser.add_argument(
        "--store", metavar="URL", help="which store; default $HVEN_STORE or the user's cache"
    )
    return parser


def _limits(options: argparse.Namespace) -> tuple[float | None, float | None]:
    values: list[float | None] = []
    faults: list[Fault] = []
    for field, text in ((_AGE, options.remove_older_than), (_SIZE, options.keep_below)):
        try:
            values.append(None if text is None else field.parse(text))
        except ParameterError as error:
            faults.extend(error.faults)
    if faults:
        raise ParameterError(faults)
    age, size = values
    if options.dry_run and age is None and size is None:
        told = "must be given together with --remove-older-than or --keep-below"
        raise ParameterError([Fault("--dry-run", told)])
    return age, size


def _show(store: Store) -> None:
    products = list(store.products())
    print(f"store {store.folder}")
    print(_counted(products))
    if not products:
        return
    by_step: dict[str, list[Any]] = defaultdict(list)
    for product in products:
        by_step[product.step].append(product)
    width = max(map(len, by_step))
    print(f"\n{'step':<{width}}  {'number':>8}  {'size':>9}  {'last used':>12}  {'oldest use':>12}")
    for step, kept in sorted(by_step.items()):
        uses = [product.used for product in kept]
        print(
            f"{step:<{width}}  {len(kept):>8}  {size_words(_bytes(kept)):>9}"
            f"  {_age(max(uses)):>12}  {_age(min(uses)):>12}"
        )


def _show_removed(removed: list[Any], store: Store, *, dry_run: bool) -> None:
    verb = "would be removed" if dry_run else "removed"
    print(f"{_counted(removed)} {verb}")
    if not dry_run:
        print(f"{_counted(list(store.products()))} left")


def _counted(products: list[Any]) -> str:
    noun = "finished step" if len(products) == 1 else "finished steps"
    return f"{len(products)} {noun}, {size_words(_bytes(products))}"


def _bytes(products: Iterable[Any]) -> int:
    return sum(product.bytes for product in products)


def _age(moment: float) -> str:
    seconds = max(0.0, time.time() - moment)
    for size, unit in ((_SECONDS_A_DAY, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now"
