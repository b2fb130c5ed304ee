"""Datasets, and the parts of the service."""

from __future__ import annotations

from pathlib import Path

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _

from hven.jobs.models import Dataset, Part
from hven.portal.admin.jobs import Looking


class DatasetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A folder that is offered."""

    class Meta:  # noqa: D106
        model = Dataset
        fields = ("name", "title", "description", "folder", "enabled", "public", "groups")

    def clean_folder(self) -> str:
        """The folder, which must be there."""
        folder = Path(self.cleaned_data["folder"]).expanduser()
        if not folder.is_absolute() or not folder.is_dir():
            told = _("It must be the whole path of a folder on the server, got %(folder)s.")
            raise forms.ValidationError(told % {"folder": folder})
        return str(folder)


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Collections of files that users may take as inputs."""

    form = DatasetForm
    list_display = ("name", "title", "enabled", "public", "folder", "created")
    list_filter = ("enabled", "public")
    search_fields = ("name", "title")
    filter_horizontal = ("groups",)
    prepopulated_fields = {"name": ("title",)}  # noqa: RUF012


@admin.register(Part)
class PartAdmin(Looking):
    """Processes of the service that have told of themselves."""

    list_display = ("kind", "node", "process", "slots", "started", "seen")
    ordering = ("kind", "node")
