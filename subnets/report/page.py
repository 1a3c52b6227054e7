"""The report as one page that needs no network: figures drawn in the browser, tables and methods as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

Row = dict[str, Any]


# In one function, in this order.
SCRIPTS = ("common.js", "mask_figures.js", "transfer_figures.js", "parallel_figures.js", "machine.js")


@dataclass(frozen=True)
class Section:
    """A part of the page with one figure.

    Attributes:
        name: of the figure, as the page's script knows it.
        title: heading.
        text: what is shown and how to read it.
        table: rows under the figure; an empty list for none.
        caption: of the table.
        more: a long table, folded away; its columns are those of its rows.
    """

    name: str
    title: str
    text: str
    table: Sequence[Row] = ()
    caption: str = ""
    more: Sequence[Row] = ()


@dataclass(frozen=True)
class Page:
    """All that the page says besides its figures.

    Attributes:
        title: heading of the page.
        lead: what was reported on, in a sentence.
        warnings: what a reader must know first.
        sections: in order.
        methods: paragraphs.
        provenance: a row a run.
        settings: shared by all runs, as text.
        footer: the last line.
    """

    title: str
    lead: str
    warnings: Sequence[str]
    sections: Sequence[Section]
    methods: Sequence[str]
    provenance: Sequence[Row]
    settings: str
    footer: str


def page_of(page: Page, content: dict[str, Any]) -> str:
    """The page as HTML.

    Every text is escaped, in the HTML by its template and in the JSON by `<`, `>` and `&` as escapes of their own, so
    that no name of a run can become an element or a script.
    """
    environment = Environment(
        loader=DictLoader({name: _asset(name) for name in ("page.html", "table.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def table(rows: Sequence[Row], caption: str) -> Markup:
        columns = list(dict.fromkeys(name for row in rows for name in row if name != "emphasis"))
        cells = [
            {"cells": [row.get(name, "") for name in columns], "emphasis": row.get("emphasis", False)} for row in rows
        ]
        return Markup(environment.get_template("table.html").render(columns=columns, rows=cells, caption=caption))  # noqa: S704 (the template escapes)

    return environment.get_template("page.html").render(
        page=page,
        table=table,
        data=Markup(_as_json(content)),  # noqa: S704 (escaped there)
        style=Markup(_asset("page.css")),  # noqa: S704 (our own file)
        script=Markup("\n".join(map(_asset, SCRIPTS))),  # noqa: S704
        plotly=Markup(_asset("plotly-cartesian.min.js")),  # noqa: S704
    )


def _as_json(content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@cache
def _asset(name: str) -> str:
    return files("subnets.report").joinpath("assets", name).read_text(encoding="utf-8")
