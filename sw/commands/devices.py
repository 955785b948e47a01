"""``tenzo devices``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tenzo.sw.commands._options import json_option, print_json

if TYPE_CHECKING:
    from tenzo.sw.link.serial_search import Found


@click.command()
@click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="PORT[@BAUD]",
    help="Ask this port; may be repeated. A pseudo-terminal is asked only so.",
)
@json_option
def command(ports: tuple[str, ...], as_json: bool) -> int:
    """List the serial ports and the engine that answers at each.

    Each port is asked at the baud rates of boards, or at the one that is named. The exit status is
    1 if no engine answers anywhere.
    """
    from tenzo.sw.link.serial_ports import parse_address
    from tenzo.sw.link.serial_search import search_ports

    found = search_ports([parse_address(port) for port in ports])
    if as_json:
        print_json([_record(item) for item in found])
    elif not found:
        click.echo("there is no serial port here: plug a board in, or name a port with --port")
    for item in () if as_json else found:
        click.echo(_lines(item))
    return 0 if any(item.identity for item in found) else 1


def _record(item: Found) -> dict[str, Any]:
    """Return what was found, for JSON; the digest is in hexadecimal."""
    from dataclasses import asdict

    record: dict[str, Any] = asdict(item)
    if item.identity is not None:
        record["identity"]["digest"] = f"{item.identity.digest:#018x}"
        record["device"] = f"serial:{item.port}@{item.baud}"
    return record


def _lines(item: Found) -> str:
    """Return what was found, for people."""
    title = f"{item.port}  {item.description}".rstrip()
    engine = item.identity
    if engine is None:
        return f"{title}\n  no engine: {item.problem}"
    return (
        f"{title}\n"
        f"  --device serial:{item.port}@{item.baud}\n"
        f"  lanes {engine.lane_count}; activations {engine.activation}; weights {engine.weight}\n"
        f"  memories: lane {engine.lane_depth}, weights {engine.weight_depth}, biases "
        f"{engine.bias_depth}, stages {engine.stage_slots}, results {engine.result_depth}\n"
        f"  protocol {engine.protocol_version}, digest {engine.digest:#018x}"
    )
