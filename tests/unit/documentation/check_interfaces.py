#!/usr/bin/env python3
"""Every member in dbus/*.xml has a comment that names its arguments and its polkit action; every property says whether
its changes are signalled; every polkit action that is named exists and is used.

usage: check_interfaces.py POLICY XML...
"""
import re
import sys
import xml.etree.ElementTree as ET

EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def members(path):
    """(interface, member element, the comment right before it) of each member."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))
    root = ET.parse(path, parser).getroot()
    comment = ""
    for interface in root.iter():
        if interface.tag != "interface":
            continue
        for element in interface:
            if element.tag is ET.Comment:
                comment = element.text
                continue
            if element.tag in ("method", "signal", "property"):
                yield interface.get("name"), element, comment
            comment = ""


def problems(path, actions, used):
    for interface, element, comment in members(path):
        name = f"{interface}.{element.get('name')}"
        if not comment.strip().startswith(element.get("name") + ":"):
            yield f"{name}: no comment that starts with '{element.get('name')}:' right before it"
            continue
        if element.tag == "property":
            values = [a.get("value") for a in element.iter("annotation") if a.get("name") == EMITS]
            if len(values) != 1 or values[0] not in ("true", "false", "const", "invalidates"):
                yield f"{name}: needs one {EMITS} annotation"
            if len(comment.split()) < 4:
                yield f"{name}: the comment says nothing"
        else:
            arguments = [a.get("name") for a in element.iter("arg")]
            described = re.findall(r"^\s*@([a-z_]+):", comment, re.M)
            if arguments != described:
                yield f"{name}: the arguments are {arguments}, the comment describes {described}"
            if "a{sv}" in [a.get("type") for a in element.iter("arg") if a.get("direction") == "in"]:
                if "ptions" not in comment:
                    yield f"{name}: options are not described"
        if element.tag == "method":
            action = re.search(r"Polkit action: (\S+)", comment)
            if not action:
                yield f"{name}: no 'Polkit action: ACTION' (or none)"
            elif action[1] != "none" and action[1] not in actions:
                yield f"{name}: the policy has no action {action[1]}"
            used.update(re.findall(r"org\.rtnode1\.[a-z-]+", comment))


def main(policy, *xmls):
    actions = {a.get("id") for a in ET.parse(policy).getroot().iter("action")}
    used = set()
    found = [p for xml in xmls for p in problems(xml, actions, used)]
    found += [f"{a}: no member names this action" for a in sorted(actions - used)]
    for line in found:
        print(line)
    return 1 if found or not xmls else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
