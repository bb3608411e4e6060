#!/usr/bin/env python3
"""Prints the machine's own Debian sources (deb822) for a private apt or mmdebstrap, with non-free-firmware added.

Third-party sources are left out: a source counts as Debian's when its suite is this release's and it has the
component main. Mirrors are never named here: they are the ones that the machine is set up with.
"""
import glob
import re
import sys


def os_release(key):
    for line in open("/etc/os-release", encoding="utf-8"):
        if line.startswith(key + "="):
            return line.split("=", 1)[1].strip().strip('"')
    sys.exit(f"apt-sources: no {key} in /etc/os-release")


def one_line(path):
    for line in open(path, encoding="utf-8"):
        match = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.+?)\s*(?:#.*)?$", line.strip())
        if match:
            options = dict(o.split("=", 1) for o in (match[1] or "").split() if "=" in o)
            yield [match[2]], [match[3]], match[4].split(), options.get("signed-by", "")


def deb822(path):
    text = re.sub(r"(?m)^#.*\n?", "", open(path, encoding="utf-8").read())
    for stanza in re.split(r"\n\s*\n", text):
        fields = {k.lower(): v.strip() for k, v in re.findall(r"(?m)^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza)}
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            signed_by = fields.get("signed-by", "")
            yield (fields.get("uris", "").split(), fields.get("suites", "").split(),
                   fields.get("components", "").split(), signed_by)


def main():
    codename = os_release("VERSION_CODENAME")
    suites_of_debian = {codename + tail for tail in ("", "-updates", "-security")}
    found = []
    for path in sorted(glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*.list")):
        found += one_line(path)
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        found += deb822(path)
    stanzas = []
    for uris, suites, components, signed_by in found:
        suites = [s for s in suites if s in suites_of_debian]
        if not suites or "main" not in components:
            continue
        stanza = ["Types: deb", "URIs: " + " ".join(uris), "Suites: " + " ".join(suites),
                  "Components: main non-free-firmware"]
        if signed_by:
            stanza.append("Signed-By: " + signed_by)
        stanzas.append("\n".join(stanza) + "\n")
    if not stanzas:
        sys.exit(f"apt-sources: no Debian source for {codename} in /etc/apt")
    print("\n".join(dict.fromkeys(stanzas)), end="")


main()
