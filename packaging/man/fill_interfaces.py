#!/usr/bin/env python3
"""Writes the page of the D-Bus API from the comments in dbus/*.xml (tests/unit/documentation/check_interfaces.py says
how they are written).

usage: fill_interfaces.py TEMPLATE XML... >PAGE.scd

In the template stands @INTERFACES@.
"""
import re
import sys
import xml.etree.ElementTree as ET

from scdoc_text import bold, escape, underlined

# Where the text of their comments begins in the XML, in columns.
INTERFACE, MEMBER = 7, 9
CHANGES = {
    "true": "Changes are signalled.",
    "const": "Never changes.",
    "false": "Changes are not signalled.",
    "invalidates": "Changes are signalled without the value.",
}


def documented(path):
    """(element, the comment before it) of the interface and of each of its members."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.parse(path, parser).getroot()
    comment = ""
    for element in root.iter():
        if element.tag is ET.Comment:
            comment = element.text
        elif element.tag in ("interface", "method", "signal", "property"):
            yield element, comment
            comment = ""


def escaped(text):
    return re.sub(r"@([a-z_]+)", r"_\1_", escape(text).replace("@short\\_description", ""))


def heading_and_text(item):
    """Of "kernel (s, default x): what it is": what is before the colon outside of brackets, and what is after it."""
    depth = 0
    for at, character in enumerate(item):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == ":" and depth == 0 and item[at + 1:at + 2] in (" ", ""):
            return item[:at], item[at + 1:].strip()
    return item, ""


def definition(item, depth):
    name, text = heading_and_text(item)
    tabs = "\t" * depth
    # "kernel (s, default x)": the key is what one looks for.
    name = re.sub(r"(^|, )([A-Za-z][\w.-]*)(?= \(|,|$)", lambda f: f[1] + f"`{f[2]}`", name)
    return [f"{tabs}{escaped(name)}", f"{tabs}\t{escaped(text)}" if text else "", ""]


def paragraphs(comment, depth, base):
    """The comment's text at that depth of the page: paragraphs, and lists of what stands further in than `base`."""
    _, _, text = comment.strip().partition(":")
    first, *rest = text.split("\n")
    lines = [(0, first.strip())] if first.strip() else []
    lines += [(len(line) - len(line.lstrip()) - base if line.strip() else 0, line.strip()) for line in rest]

    blocks = []  # [kind, text]
    for indent, line in lines:
        last = blocks[-1][0] if blocks else "end"
        if not line:
            blocks.append(["end", ""])
        elif line.startswith("@short_description: "):
            blocks.append(["text", line.partition(": ")[2]])
        elif line.startswith("@"):
            blocks.append(["argument", line])
        elif indent > 0 and (last == "argument" or (last == "item" and indent > 2)):
            blocks[-1][1] += " " + line
        elif indent > 0:
            blocks.append(["item", line])
        elif last == "text":
            blocks[-1][1] += " " + line
        else:
            blocks.append(["text", line])

    out = []
    for kind, text in blocks:
        if kind == "text":
            out += ["\t" * depth + escaped(text), ""]
        elif kind == "argument":
            name, _, said = text.partition(": ")
            out += ["\t" * depth + escaped(name), "\t" * (depth + 1) + escaped(said), ""]
        elif kind == "item":
            out += definition(text, depth)
    return out


def words(arguments):
    return ", ".join(f"{escape(a.get('type'))} {underlined(a.get('name'))}" for a in arguments)


def signature(element):
    """A signal's arguments have no direction."""
    into = [a for a in element.iter("arg") if a.get("direction", "in") == "in"]
    out = [a for a in element.iter("arg") if a.get("direction") == "out"]
    return f"{bold(element.get('name'))}({words(into)})" + (f" → {words(out)}" if out else "")


def member(element, comment):
    if element.tag != "property":
        return [signature(element), *paragraphs(comment, 1, MEMBER)]
    comment = re.sub(r"(?<=: )[a-z](?=[a-z]* )", lambda found: found[0].upper(), comment, count=1)
    changes = [CHANGES[a.get("value")] for a in element.iter("annotation")
               if a.get("name").endswith("EmitsChangedSignal")]
    return [f"{bold(element.get('name'))} ({escape(element.get('type'))})", *paragraphs(comment, 1, MEMBER),
            "\t" + " ".join(changes), ""]


def interface(path):
    (element, comment), *members = documented(path)
    lines = [f"# INTERFACE {escape(element.get('name').upper())}", "", *paragraphs(comment, 0, INTERFACE)]
    for tag, title in (("method", "Methods"), ("signal", "Signals"), ("property", "Properties")):
        of_kind = [m for m in members if m[0].tag == tag]
        if of_kind:
            lines += [f"## {title}", ""] + [line for m in of_kind for line in member(*m)]
    return lines


def main(template, *xmls):
    with open(template, encoding="utf-8") as file:
        page = file.read()
    lines = [line for xml in xmls for line in interface(xml)]
    page = page.replace("@INTERFACES@", "\n".join(lines))
    print(re.sub(r"\n{3,}", "\n\n", page).rstrip("\n"))


if __name__ == "__main__":
    main(*sys.argv[1:])
