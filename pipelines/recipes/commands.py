"""The command `recipe`, as data. Nothing heavy is imported before it is called."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from infra.settings import Settings
from pipelines.approval.commands import market_option, person_option, report_options
from pipelines.command import Command


def recipe_options(parser: ArgumentParser) -> None:
    """What to do with recipes."""
    parser.add_argument("action", nargs="?", choices=("list", "show", "report"), default="list", help="default: list")
    parser.add_argument("recipe", nargs="?", help="show, report: name or id (show: the night's candidate by default)")


def _recipe(settings: Settings, arguments: Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.recipes.show import print_list, print_recipe

    if arguments.action == "report":
        from models.catalog import RECIPES
        from pipelines.approval.words import report
        from pipelines.current_recipe import recipe_named

        if arguments.recipe in RECIPES:
            arguments.recipe = recipe_named(arguments.recipe).recipe_id
        return report(settings, arguments)
    return print_list(settings, arguments) if arguments.action == "list" else print_recipe(settings, arguments)


COMMANDS: tuple[Command, ...] = (
    Command(
        "recipe",
        "recipes of this checkout: list, show one and what kind of change it is, report a validation of one",
        _recipe,
        (market_option, person_option, recipe_options, report_options),
    ),
)
