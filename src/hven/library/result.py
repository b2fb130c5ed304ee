"""What the library's functions return: the application's own dataclass, with its files at hand."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from hven.declare import Application
from hven.errors import Fault, ParameterError


class Result:
    """Mixed into the dataclass that an application returns.

    The declaration stays plain data that way: an author writes a frozen dataclass and nothing of
    this; a caller gets an object that is one, and can open and save what it names.
    """

    _application: Application
    _folder: Path

    @property
    def folder(self) -> Path:
        """Where the files lie; a temporary folder goes when the result does."""
        return self._folder

    @property
    def files(self) -> dict[str, Path]:
        """The files of the result, by the name of their field."""
        return {name: path for name, path, _ in self._paths()}

    @property
    def provenance(self) -> Any:
        """How it was made: versions, parameters, digests of the inputs, machine, times."""
        return json.loads((self._folder / "provenance.json").read_text())

    def open(self, name: str | None = None, **options: Any) -> Any:
        """A FITS file of the result as astropy's HDUList.

        Parameters
        ----------
        name
            Which field; None is the first one that is a FITS file.
        **options
            Passed on to astropy.io.fits.open.

        Raises
        ------
        ParameterError
            There is no such file.
        """
        from astropy.io import fits

        fits_files = {
            field: path for field, path, media_type in self._paths() if "fits" in media_type
        }
        if not fits_files or (name is not None and name not in fits_files):
            known = ", ".join(fits_files) or "(it has no FITS file)"
            raise ParameterError([Fault("name", f"must be one of {known}, got {name}")])
        return fits.open(fits_files[name or next(iter(fits_files))], **options)

    def save(self, folder: str | Path) -> Self:
        """Copy everything to `folder`; gives the result whose files lie there."""
        target = Path(folder).expanduser().absolute()
        if target == self._folder.absolute():
            return self
        shutil.copytree(self._folder, target, dirs_exist_ok=True)
        moved = {
            field.name: _moved(getattr(self, field.name), self._folder, target)
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }
        result: Self = _made(type(self), moved, self._application, target)
        return result

    def _paths(self) -> Iterator[tuple[str, Path, str]]:
        for output in self._application.outputs:
            value = getattr(self, output.name)
            for path in value if isinstance(value, list | tuple) else [value]:
                if isinstance(path, Path):
                    yield output.name, path, output.media_type or ""

    def _repr_png_(self) -> bytes | None:
        """The preview, which a notebook shows."""
        for _, path, media_type in self._paths():
            if media_type == "image/png":
                return path.read_bytes()
        return None


def result_of(application: Application, value: Any, folder: Path, *, temporary: bool) -> Any:
    """What a body returned, as an object that is also a Result.

    Parameters
    ----------
    application
        Whose body it was.
    value
        What it returned.
    folder
        Where its files lie.
    temporary
        Whether the folder is removed when the result is.
    """
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    result = _made(_class_of(application), fields, application, folder)
    if temporary:
        weakref.finalize(result, shutil.rmtree, folder, ignore_errors=True)
    return result


@functools.cache
def _class_of(application: Application) -> type[Any]:
    cls = application.result
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls, Result), names)


def _made(cls: Any, fields: dict[str, Any], application: Application, folder: Path) -> Any:
    # Set one by one: the dataclass is frozen, and its values have been through __init__ before.
    result = object.__new__(cls)
    for name, value in {**fields, "_application": application, "_folder": folder}.items():
        object.__setattr__(result, name, value)
    return result


def _moved(value: Any, source: Path, target: Path) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_moved(item, source, target) for item in value)
    if isinstance(value, Path) and value.is_relative_to(source):
        return target / value.relative_to(source)
    return value
