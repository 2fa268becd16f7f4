"""The options of ``opsnb apps`` on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

Port = Annotated[int | None, typer.Option(help="Port to listen on; else the first free one from 8866.", show_default=False)]
Places = Annotated[int, typer.Option(help="Pages served at once; more visitors wait.", min=1)]
Ip = Annotated[str, typer.Option(help="Address to listen on; any but this machine's own needs OPSNB_PASSWORD or --proxy-header.")]
Hosts = Annotated[list[str] | None, typer.Option("--host", help="A name by which the apps are asked for; may be repeated.", show_default=False)]
BaseUrl = Annotated[str, typer.Option(help="Path below which a proxy puts the apps.")]
ProxyHeader = Annotated[str, typer.Option(help="Header that a proxy sets for people it knows.", show_default=False)]
