"""The command line: `telltale COMMAND …`. Each command stands in commands/."""

from __future__ import annotations

import sys

import click

from analysis.errors import UserError
from commands import cluster, codebook, environment, ingest, labels, reading, report, search, stores, tag


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="telltale")
def cli() -> None:
    """Read, label and measure reasoning patterns in model reasoning traces.

    Exit status: 0 done; 1 done, with some items set aside and counted; 2 refused, with one line on what to mend.
    """


for module in (ingest, tag, cluster, search, report, labels, codebook, environment, reading, stores):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run the command line; what a user can mend is one line and exit status 2."""
    try:
        status = cli.main(standalone_mode=False)
    except UserError as error:
        click.echo(f"telltale: {error}", err=True)
        status = 2
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _stopped_in_a_query(error):
            raise
        click.echo(
            "telltale: stopped; what was done is kept, and the same command goes on from there", err=True
        )
        status = 130
    except BrokenPipeError:
        sys.stderr.close()
        status = 0
    sys.exit(status if isinstance(status, int) else 0)


def _stopped_in_a_query(error: RuntimeError) -> bool:
    """Whether this is what DuckDB makes of Ctrl-C, or click of its own way to stop."""
    return isinstance(error, click.Abort) or isinstance(error.__cause__, KeyboardInterrupt)


if __name__ == "__main__":
    main()
