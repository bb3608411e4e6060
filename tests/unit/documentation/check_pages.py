#!/usr/bin/env python3
"""The manual pages render without a warning, name each other rightly, and have every D-Bus member with its arguments
and keys, every error, every command with its options and every exit status.

usage: check_pages.py SOURCE-ROOT COMMAND-TABLE PAGE...
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

OURS = r"(?:rtnode[\w.-]*|org\.rtnode1[\w.]*)"
# Words that follow the program's name in sentences of the pages.
SENTENCE = {"asks", "starts", "ends", "uses"}


def rendered(page):
    """(the text as a reader sees it, a line a paragraph; what man warned of)"""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "2000"}
    ran = subprocess.run(["man", "--warnings", "--encoding=UTF-8", "--no-hyphenation", "--no-justification",
                          "--local-file", page], env=environment, capture_output=True, encoding="utf-8", check=False)
    return ran.stdout, ran.stderr + ("" if ran.returncode == 0 and ran.stdout else f"man ended with {ran.returncode}")


def section(text, title):
    found = re.search(rf"^{title}\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    return found[1] if found else ""


def members_missing(xml, text):
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    for interface in ET.parse(xml, parser).getroot().iter("interface"):
        of_interface = section(text, "INTERFACE " + interface.get("name").upper())
        comment = ""
        for element in interface:
            if element.tag is ET.Comment:
                comment = element.text
                continue
            name = element.get("name")
            if element.tag == "property":
                entry = f"{name} ({element.get('type')})"
            else:
                entry = f"{name}(" + ", ".join(f"{a.get('type')} {a.get('name')}" for a in element.iter("arg")
                                               if a.get("direction", "in") == "in") + ")"
            found = re.search(rf"^ {{7}}{re.escape(entry)}.*\n((?: {{8,}}.*\n|\n)*)", of_interface, re.M)
            if not found:
                yield f"{interface.get('name')}: '{entry}' is missing"
                continue
            for key in re.findall(r"^ +([a-z][a-z0-9.-]+) \([a-z{}]+[,):]", comment, re.M):
                if not re.search(rf"^ +(?:[\w.-]+ \([^)]*\), )*{re.escape(key)} \(", found[1], re.M):
                    yield f"{interface.get('name')}.{name}: its key '{key}' is missing"


def errors_wrong(source, text):
    table = re.search(r"#define RTNODE_REASONS\(X\)(.*?)\n\n", (source / "daemon/state/error.hpp").read_text(), re.S)[1]
    reasons = set(re.findall(r"X\((\w+)\)", table))
    named = set(re.findall(r"\b[A-Z]\w+", section(text, "ERRORS")))
    for reason in sorted(reasons - named):
        yield f"the error {reason} is missing"
    for reason in sorted(name for name in named - reasons - {"ErrorName"} if re.search("[a-z][A-Z]", name)):
        yield f"there is no error {reason}"


def commands_wrong(table, text):
    body = section(text, "COMMANDS")
    everywhere = body + section(text, "OPTIONS") + section(text, "OPTIONS OF SEVERAL COMMANDS")

    def of(command, path):
        for sub in command["commands"]:
            here = path + [sub["name"]]
            if " ".join(here) not in body:
                yield f"the command '{' '.join(here)}' is missing"
            for option in sub["options"] + sub["positionals"]:
                for name in option["names"]:
                    if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", everywhere):
                        yield f"'{' '.join(here)}': '{name}' is missing"
            yield from of(sub, here)

    yield from of(table, [])
    for option in table["options"]:
        for name in option["names"]:
            if name not in everywhere:
                yield f"the option {name} is missing"
    statuses = set(re.findall(r"^ +(\d+)\b", table["footer"], re.M))
    documented = set(re.findall(r"^ +(\d+)$", section(text, "EXIT STATUS"), re.M))
    if statuses != documented:
        yield f"exit statuses are {sorted(statuses)}, the page has {sorted(documented)}"


def commands_that_are_not(source, table, texts):
    """Of `rtnodectl WORD`, wherever a reader meets it: in pages, in README.md, in messages and in comments for admins."""
    known = {command["name"] for command in table["commands"]}
    places = dict(texts)
    for path in (source / "README.md", *(source / "conf").rglob("*.toml"), *(source / "units").iterdir(),
                 *(source / "daemon").rglob("*.cpp"), *(source / "dbus").rglob("*.cpp")):
        places[str(path.relative_to(source))] = path.read_text(encoding="utf-8")
    for place, text in places.items():
        # A sentence about the program goes on with a word, too, but not in quotation marks.
        quoted = "" if place in texts else r"(?<=['`\"/])"
        for name in re.findall(rf"{quoted}(?<!\w)rtnodectl[ \n]([a-z][a-z-]+)\b", text):
            if name not in known and name not in SENTENCE:
                yield f"{place}: there is no command 'rtnodectl {name}'"


def names_of_no_page(source, pages):
    """In messages, units and shipped files."""
    there = {re.sub(r"(.*)\.(\d)$", r"\1(\2)", os.path.basename(page)) for page in pages}
    mention = re.compile(rf"(?:man:)?\b({OURS}\(\d\))")
    for folder in ("daemon", "dbus", "conf", "units", "packaging/man"):
        for path in sorted((source / folder).rglob("*")):
            if not path.is_file() or path.suffix in (".md",):
                continue
            plain = path.read_text(encoding="utf-8", errors="replace").replace("*", "").replace("\\", "")
            for name in sorted(set(mention.findall(plain)) - there):
                yield f"{path.relative_to(source)}: there is no page {name}"


def main(source, table, *pages):
    source = pathlib.Path(source)
    texts, problems = {}, []
    for page in pages:
        texts[os.path.basename(page)], warned = rendered(page)
        problems += [f"{page}: {line}" for line in warned.splitlines()]
    interfaces = texts["org.rtnode1.5"]
    for xml in sorted((source / "dbus").glob("org.rtnode1.*.xml")):
        problems += [f"org.rtnode1.5: {p}" for p in members_missing(xml, interfaces)]
    problems += [f"org.rtnode1.5: {p}" for p in errors_wrong(source, interfaces)]
    with open(table, encoding="utf-8") as file:
        table = json.load(file)
    problems += [f"rtnodectl.1: {p}" for p in commands_wrong(table, texts["rtnodectl.1"])]
    problems += commands_that_are_not(source, table, texts)
    problems += names_of_no_page(source, pages)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
