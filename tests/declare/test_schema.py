from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hven.declare import Output, Param, SkyPosition, application, schema


@dataclass(frozen=True)
class Picture:
    picture: Annotated[Path, Output("A picture", media_type="image/png")]


@application("drawing", title="Drawing", references=["Hogarth 1753"])
def drawing(
    run,
    images: Annotated[list[Path], Param("Images")],
    scale: Annotated[float, Param("Scale", unit="arcsec", low=0, low_open=True, high=60)] = 1.0,
    planes: Annotated[list[int] | None, Param("Planes", low=1, high=9, high_open=True)] = None,
    mode: Annotated[Literal["fast", "fine"] | None, Param("Mode", group="How")] = None,
    center: Annotated[SkyPosition | None, Param("Centre", example="10 20")] = None,
    turn: Annotated[bool, Param("Turn it", advanced=True)] = False,
    name: Annotated[str | None, Param("Name", placeholder="that of the first image")] = None,
) -> Picture:
    """Draws."""


def test_the_schema_is_written_from_the_declaration():
    found = schema(drawing)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (found["title"], found["description"]) == ("Drawing", "Draws.")
    assert found["required"] == ["images"]
    assert found["additionalProperties"] is False
    assert found["x-outputs"] == [
        {"name": "picture", "description": "A picture", "media_type": "image/png"}
    ]
    assert found["properties"] == {
        "images": {
            "type": "array",
            "items": {"type": "string", "format": "path", "minLength": 1},
            "minItems": 1,
            "description": "Images",
        },
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 60,
            "description": "Scale",
            "default": 1.0,
            "x-unit": "arcsec",
        },
        "planes": {
            "type": ["array", "null"],
            "items": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
            "description": "Planes",
            "default": None,
        },
        "mode": {
            "enum": ["fast", "fine", None],
            "description": "Mode",
            "default": None,
            "x-group": "How",
        },
        "center": {
            "type": ["object", "null"],
            "properties": {
                "ra_deg": {"type": "number", "minimum": -360, "maximum": 360},
                "dec_deg": {"type": "number", "minimum": -90, "maximum": 90},
            },
            "required": ["ra_deg", "dec_deg"],
            "additionalProperties": False,
            "description": "Centre",
            "default": None,
            "examples": [{"ra_deg": 10.0, "dec_deg": 20.0}],
        },
        "turn": {
            "type": "boolean",
            "description": "Turn it",
            "default": False,
            "x-advanced": True,
        },
        "name": {
            "type": ["string", "null"],
            "description": "Name",
            "default": None,
            "x-placeholder": "that of the first image",
        },
    }
