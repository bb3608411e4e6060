#!/usr/bin/env python3
"""Prints facts.json of the node in the folder named: what tests need to know and must not guess.

usage: facts.py NODE WORK STATEROOT VERSION CUSTOM-URL KARG…
"""
import glob
import hashlib
import json
import os
import subprocess
import sys

node, work, stateroot, version, custom_url, *kargs = sys.argv[1:]


def text(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read().strip()


def nevra(name, epoch, version, release, arch):
    return f"{name}-{'' if epoch == '0' else epoch + ':'}{version}-{release}.{arch}"


def packages(folder):
    found = []
    files = sorted(glob.glob(os.path.join(folder, "*.rpm")))
    form = "%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n"
    lines = subprocess.run(["rpm", "-qp", "--nosignature", "--qf", form, *files], check=True, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    for path, line in zip(files, lines):
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        found.append({"nevra": nevra(*line.split("\t")), "name": line.split("\t")[0],
                      "file": os.path.relpath(path, node), "size": os.path.getsize(path), "sha256": digest})
    return found


def kernel(name):
    return {"kver": text(work, "payload", name, "kver"), "evr": text(work, "payload", name, "evr").replace("\n", "-")}


def fingerprint(key):
    lines = subprocess.run(["gpg", "--batch", "--no-tty", "--with-colons", "--show-keys", os.path.join(node, "keys", key)],
                           check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))


commit = text(node, "tree.commit")
base = [line.split("\t") for line in text(work, "rpms.tsv").splitlines()]
json.dump({
    "stateroot": stateroot,
    "version": version,
    "commit": commit,
    "deployment": f"sysroot/ostree/deploy/{stateroot}/deploy/{commit}.0",
    "custom_url": custom_url,
    "kernel_arguments": kargs,
    "kernels": {"stock": kernel("stock"), "rt_old": kernel("rt-old"), "rt_new": kernel("rt-new")},
    "base_packages": sorted(nevra(*row) for row in base if row[0] != "gpg-pubkey"),
    "repo": packages(os.path.join(node, "repo")),
    "repo2": packages(os.path.join(node, "repo2")),
    "keys": {"known": fingerprint("RPM-GPG-KEY-rtnode-test"), "unknown": fingerprint("RPM-GPG-KEY-rtnode-unknown")},
}, sys.stdout, indent=2)
print()
