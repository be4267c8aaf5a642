"""What schemathesis cannot know: ids that exist, and how we take numbers."""

import json
import os

import schemathesis

with open(os.environ["SEUNGIN_PREPARED"]) as file:
    PREPARED = json.load(file)

# A customer has one order, of which alone is asked.
if order := os.environ.get("SEUNGIN_ORDER"):
    PREPARED["orderId"] = [order]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every second id becomes one that exists."""
    for name, value in (path_parameters or {}).items():
        known = PREPARED.get(name)
        if known and len(str(value)) % 2:
            path_parameters[name] = known[len(str(value)) // 2 % len(known)]
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    """To JSON Schema 32.0 is an integer, to us it is none: money is never written with a point."""
    return without_points(body)


def without_points(value):
    if isinstance(value, dict):
        return {name: without_points(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_points(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
