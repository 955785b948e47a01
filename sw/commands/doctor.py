"""``tenzo doctor``."""

from __future__ import annotations

import click

from tenzo.sw.commands._options import json_option, print_json


@click.command()
@json_option
def command(as_json: bool) -> int:
    """List the tools found, and how to get what is missing."""
    from dataclasses import asdict

    from tenzo.sw.doctor import check_tools

    tools = check_tools()
    if as_json:
        print_json([{**asdict(tool), "found": tool.found} for tool in tools])
    else:
        width = max(len(tool.name) for tool in tools)
        for tool in tools:
            if tool.found:
                state = f"{tool.version}"
            else:
                state = f"missing, needed for {tool.needed_for}: {tool.remedy}"
            click.echo(f"{tool.name:{width}}  {state}")
    return 0 if all(tool.found or not tool.required for tool in tools) else 1
