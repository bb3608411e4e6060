#!/usr/bin/env python3
"""Writes rtnodectl's page from its own command table, so that the page says what the program takes and nothing else.

usage: fill_commands.py TEMPLATE TABLE >PAGE.scd

TABLE is what `rtnodectl command-table` prints. In the template stand @OPTIONS@, @COMMANDS@ and @SHARED_OPTIONS@ (those
that several commands have in the same words, described once). After a line @PROSE COMMAND@ follows, until the next such
line, what stands below that command's own description; for a command that there isn't, it is an error.
"""
import collections
import json
import re
import sys

from scdoc_text import bold, escape, underlined

SEVERAL = 3


def key_of(option):
    return option["names"][0], option["type"], option["description"]


def options_of(command):
    return [o for o in command["options"] if "--help" not in o["names"]]


def type_and_choices(option):
    """CLI11 appends what may be said to the name of the type: "KERNEL:{rt,stock}"."""
    name, _, choices = option["type"].partition(":{")
    return name, choices.rstrip("}").split(",") if choices else []


def heading(option):
    if not option["names"][0].startswith("-"):
        return underlined(option["names"][0])
    name, _ = type_and_choices(option)
    return ", ".join(map(bold, option["names"])) + (f" {underlined(name)}" if name else "")


def sentences(text):
    return text if text.endswith(".") else text + "."


def described(option, depth):
    _, choices = type_and_choices(option)
    text = sentences(escape(option["description"]))
    if choices:
        text += " One of " + ", ".join(map(bold, choices)) + "."
    if option.get("default"):
        text += f" The default is {bold(option['default'])}."
    tabs = "\t" * depth
    return [f"{tabs}{heading(option)}", f"{tabs}\t{text}", ""]


def synopsis(path, command):
    words = [bold(" ".join(("rtnodectl", *path)))]
    for option in options_of(command) + command["positionals"]:
        word = heading({**option, "names": option["names"][:1]}) + ("..." if option["repeats"] else "")
        words.append(word if option["required"] else f"\\[{word}\\]")
    return " ".join(words)


def commands(table, path=()):
    """(words, command) of each command that can be called, in the table's order."""
    for command in table["commands"]:
        here = (*path, command["name"])
        yield here, command
        yield from commands(command, here)


def only_holds_others(command):
    return bool(command["commands"]) and not options_of(command) and not command["positionals"]


def command_section(table, shared, prose):
    lines = []
    for path, command in commands(table):
        if len(path) == 1:
            lines += [f"## {' '.join(path)}", ""]
        lines += [synopsis(path, command)] if not only_holds_others(command) else []
        indent = "" if only_holds_others(command) else "\t"
        lines += [indent + sentences(escape(command["description"])), ""]
        for option in command["positionals"] + options_of(command):
            if key_of(option) not in shared:
                lines += described(option, 1)
        lines += [indent + line if line else "" for line in prose.pop(" ".join(path), [])]
        lines.append("")
    return lines


def parts_of(template):
    """The page without its prose, and the prose by command."""
    first, *rest = re.split(r"^@PROSE (.+)@\n", template, flags=re.M)
    return first, {name: text.strip("\n").split("\n") for name, text in zip(rest[::2], rest[1::2])}


def main(template, table_file):
    with open(table_file, encoding="utf-8") as file:
        table = json.load(file)
    with open(template, encoding="utf-8") as file:
        page, prose = parts_of(file.read())

    count = collections.Counter(key_of(o) for _, c in commands(table) for o in options_of(c))
    shared = {}
    for _, command in commands(table):
        shared.update((key_of(o), o) for o in options_of(command) if count[key_of(o)] >= SEVERAL)

    parts = {
        "OPTIONS": [line for o in table["options"] for line in described(o, 0)],
        "SHARED_OPTIONS": [line for o in shared.values() for line in described(o, 0)],
        "COMMANDS": command_section(table, shared, prose),
    }
    if prose:
        sys.exit(f"{template}: there is no command {', '.join(prose)}; take its prose away")
    page = re.sub(r"^@([A-Z_]+)@$", lambda found: "\n".join(parts[found[1]]), page, flags=re.M)
    print(re.sub(r"\n{3,}", "\n\n", page).rstrip("\n"))


if __name__ == "__main__":
    main(*sys.argv[1:])
