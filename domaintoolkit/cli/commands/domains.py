"""`domaintoolkit domains`"""

from __future__ import annotations

import click

from domaintoolkit.cli.completion import complete_domains
from domaintoolkit.cli.options import json_option, print_json

__all__ = ["command"]


@click.command("domains")
@json_option
@click.option(
    "--schema", "schema_of", metavar="NAME", shell_complete=complete_domains,
    help="Print the schema of the domain NAME as TOML.",
)  # fmt: skip
@click.option("--json-schema", is_flag=True, help="Print the JSON schema of schema files, for editors.")
def command(json_output: bool, schema_of: str | None, json_schema: bool) -> None:
    """List the installed domains, and the plugins that failed to load.

    The exit status is 1 if a plugin failed to load; the reason is printed.
    """
    from domaintoolkit.errors import printable
    from domaintoolkit.registry import get_domain, list_domains

    if json_schema:
        from domaintoolkit.reading import domain_json_schema

        print_json(domain_json_schema())
        return
    if schema_of is not None:
        click.echo(get_domain(schema_of).schema.to_toml(), nl=False)
        return
    catalog = list_domains()
    if json_output:
        found = [
            {"name": domain.name, "description": domain.description, "fields": [f.name for f in domain.schema.fields]}
            for domain in catalog.domains.values()
        ]
        print_json({"domains": found, "failures": [str(failure) for failure in catalog.failures]})
    else:
        width = max((len(name) for name in catalog.domains), default=0)
        for domain in catalog.domains.values():
            click.echo(printable(f"{domain.name:<{width}}  {domain.description}"))
            click.echo(printable(f"{'':<{width}}  fields: {', '.join(field.name for field in domain.schema.fields)}"))
        for failure in catalog.failures:
            click.echo(printable(f"failed: {failure}"), err=True)
    if catalog.failures:
        raise SystemExit(1)
