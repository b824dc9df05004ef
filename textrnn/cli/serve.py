"""`textrnn serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from textrnn.cli import options
from textrnn.errors import ConfigError
from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory


def serve(
    run: options.Run,
    host: Annotated[
        str,
        typer.Option(metavar="HOST", help="Address to listen at; 0.0.0.0 lets other machines connect."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen at; 0 takes any that is free.")
    ] = 8000,
    device: options.Device = "auto",
) -> None:
    """Answer requests over HTTP, and show a page to try a model.

    The address is logged once the model is loaded.

    Example: textrnn serve runs/sample --port 8000
    """
    check_memory(TORCH_ADDRESS_SPACE)
    try:
        from textrnn.commands.serve import serve as run_serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("starlette", "uvicorn", "h11", "anyio"):
            raise
        raise ConfigError(
            f"textrnn serve needs the packages starlette and uvicorn ({error}); install them with: "
            f"pip install starlette uvicorn"
        ) from None
    from textrnn.run.folder import RunFolder

    RunFolder(run).warn_of_unfinished()
    run_serve(run, host=host, port=port, device=device)
