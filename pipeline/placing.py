"""The endpoints that the calls of a tally belong to, in the place of the shapes of paths under which they were tallied."""

from dataclasses import replace
from typing import NamedTuple

from model import Endpoint
from pipeline.shapes import outline
from pipeline.templates import Templates
from windows.tally import Row, Tally


class Placed(NamedTuple):
    """`tally`: its endpoints are those that its calls belong to, some more than once; `shapes`: what each of them was tallied as; `outlines`: by what they are
    told apart across a service."""

    tally: Tally
    shapes: list[Endpoint]
    outlines: list[Endpoint]


def placed(tally: Tally, templates: Templates) -> Placed:
    """Every row by its minute: endpoints that were learned while the calls of a tally came have only those that came after."""
    shapes = tally.endpoints
    if all(endpoint.matched for endpoint in shapes):
        return Placed(tally, shapes, shapes)
    tables = [rows for rows in tally.tables.values() if rows]
    first, last = min((rows[0][0] for rows in tables), default=0), max((rows[-1][0] for rows in tables), default=0)
    if templates.generation(tally.since + first) == templates.generation(tally.since + last):
        endpoints = [templates.place(shape, tally.since + first) for shape in shapes]
        return Placed(replace(tally, endpoints=endpoints), shapes, list(map(_outline, shapes)))
    return _divided(tally, templates)


def _divided(tally: Tally, templates: Templates) -> Placed:
    numbers: dict[tuple[int, int], int] = {}
    endpoints: list[Endpoint] = []
    shapes: list[Endpoint] = []

    def placed_row(row: Row) -> Row:
        minute, number = tally.since + row[0], row[1]
        shape = tally.endpoints[number]
        key = number, 0 if shape.matched else templates.generation(minute)
        found = numbers.get(key)
        if found is None:
            found = numbers[key] = len(endpoints)
            endpoints.append(templates.place(shape, minute))
            shapes.append(shape)
        return row[0], found, *row[2:]

    tables = {name: [placed_row(row) for row in rows] for name, rows in tally.tables.items()}
    return Placed(replace(tally, endpoints=endpoints, tables=tables), shapes, list(map(_outline, shapes)))


def _outline(shape: Endpoint) -> Endpoint:
    return shape if shape.matched else shape._replace(template=outline(shape.template))
