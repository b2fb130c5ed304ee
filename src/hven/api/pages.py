"""The description of the API as one page of HTML: no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from hven.web.problems import MEANINGS
from hven.web.scopes import MEANING

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #666; --tint: #8882; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--tint); padding: .75rem; overflow-x: auto; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; }
summary { padding: .4rem .75rem; cursor: pointer; }
details > div { padding: 0 .75rem .75rem; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
.quiet { color: var(--quiet); }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
td { border-top: 1px solid var(--line); }
.wide { overflow-x: auto; }
"""
#: The page's own style and nothing else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of Hven</title><style>{style}</style></head>
<body><main>
<h1>API of Hven <span class="quiet">{version}</span></h1>
{about}
<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<nav aria-label="Sections"><ul>{sections}</ul></nav>
{groups}
<h2 id="scopes">Scopes of tokens</h2>{scopes}
<h2 id="problems">Codes of errors</h2>{problems}
<h2 id="schemas">Documents</h2>{schemas}
</main></body></html>
"""


def render(document: dict[str, Any]) -> str:
    """The page."""
    tags = document["tags"]
    more = (("scopes", "Scopes"), ("problems", "Errors"), ("schemas", "Documents"))
    links = [*((tag["name"], tag["name"].capitalize()) for tag in tags), *more]
    return format_html(
        _PAGE,
        style=mark_safe(_STYLE),
        version=document["info"]["version"],
        about=_paragraphs(document["info"]["description"]),
        sections=format_html_join("", '<li><a href="#{}">{}</a></li>', links),
        groups=_joined(_group(document, tag) for tag in tags),
        scopes=_table(("scope", "lets a token"), MEANING.items()),
        problems=_table(
            ("code", "status", "meaning"),
            ((code, meaning.status, meaning.text) for code, meaning in MEANINGS.items()),
        ),
        schemas=_joined(
            _folded(name, _schema(schema), f"schema-{name}")
            for name, schema in document["components"]["schemas"].items()
        ),
    )


def _group(document: dict[str, Any], tag: dict[str, str]) -> SafeString:
    found = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation["tags"]
    ]
    head = format_html(
        '<h2 id="{}">{}</h2><p>{}</p>', tag["name"], tag["name"].capitalize(), tag["description"]
    )
    return _joined([head, *found])


def _operation(path: str, method: str, operation: dict[str, Any]) -> SafeString:
    title = format_html(
        '<span class="method">{}</span> <code>{}</code> <span class="quiet">{}</span>',
        method.upper(),
        path,
        _words(operation["summary"]),
    )
    scope = operation.get("x-scope")
    needs = f"A token needs the scope `{scope}`." if scope else "Open to everybody."
    inner = [_paragraphs(operation["description"]), _paragraphs(needs)]
    if operation.get("parameters"):
        rows = (
            (
                each["name"],
                each["in"] + (", required" if each.get("required") else ""),
                _kind(each["schema"]),
                each.get("description", ""),
            )
            for each in operation["parameters"]
        )
        inner.append(_table(("parameter", "where", "type", "meaning"), rows))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        inner.append(format_html("<h3>Body, <code>{}</code></h3>", media_type))
        inner.append(_schema(content["schema"]))
    inner.append(_table(("status", "answer", "meaning"), _answers(operation)))
    return _folded(title, _joined(inner), operation["operationId"])


def _answers(operation: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for status, answer in operation["responses"].items():
        kinds = [
            format_html("{}", _kind(content["schema"], media_type))
            for media_type, content in answer.get("content", {}).items()
        ]
        yield status, _joined(kinds), answer["description"]


def _schema(schema: dict[str, Any]) -> SafeString:
    """A table of a document's fields; what is no object is shown as it is."""
    properties = schema.get("properties")
    if not properties:
        return format_html("<pre>{}</pre>", json.dumps(schema, indent=2))
    required = schema.get("required", ())
    rows = (
        (
            name,
            _kind(field),
            ("" if name in required else "optional; ") + field.get("description", ""),
        )
        for name, field in properties.items()
    )
    return _table(("field", "type", "meaning"), rows)


def _kind(schema: dict[str, Any], otherwise: str = "anything") -> SafeString:
    """A type in words, with a link where it is a document."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return format_html('<a href="#schema-{0}">{0}</a>', name)
    if "anyOf" in schema:
        return mark_safe(" or ".join(_kind(kind) for kind in schema["anyOf"]))
    if "enum" in schema:
        return format_html("one of {}", ", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return format_html("list of {}", _kind(schema.get("items", {})))
    words = [schema.get("format") or schema.get("type") or otherwise]
    words += [f"{name} {schema[name]}" for name in ("minimum", "maximum") if name in schema]
    return escape(", ".join(words))


def _folded(title: str, inner: SafeString, name: str) -> SafeString:
    return format_html(
        '<details id="{}"><summary>{}</summary><div>{}</div></details>', name, title, inner
    )


def _table(names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
    lines = (
        (
            format_html("<td><code>{}</code></td>", row[0])
            + format_html_join("", "<td>{}</td>", ((_words(cell),) for cell in row[1:])),
        )
        for row in rows
    )
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html(
        '<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def _paragraphs(text: str) -> SafeString:
    """Text with blank lines between paragraphs and words of programs in backticks."""
    return format_html_join(
        "", "<p>{}</p>", ((_words(part),) for part in text.strip().split("\n\n"))
    )


def _words(text: Any) -> SafeString:
    if isinstance(text, SafeString):
        return text
    parts = str(text).split("`")
    return _joined(
        format_html("<code>{}</code>" if number % 2 else "{}", part)
        for number, part in enumerate(parts)
    )


def _joined(parts: Iterable[str]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))
