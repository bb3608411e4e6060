"""Manifests as an admin gets them: rendered by packaging/openshift/render."""
import functools
import pathlib
import subprocess
import sys
import tempfile

import yaml

TOP = pathlib.Path(__file__).resolve().parents[3]
OPENSHIFT = TOP / "packaging/openshift"
FOLDER = tempfile.TemporaryDirectory()
RELEASES = ("4.3", "4.7")
SETTINGS = {"IMAGE": "registry.example.com/rtnode@sha256:" + "0" * 64, "RESERVED_CPUS": "0-1", "ISOLATED_CPUS": "2-31",
            "REPOSITORY_URL": "http://repo.example.com:8000/rt/"}


def manifests(release):
    """The names of all manifests there are for a release."""
    return sorted(path.stem for folder in ("any", release) for path in (OPENSHIFT / folder).glob("*.yaml"))


def render(release, output, names, settings, *more, profile="worker-rt"):
    """render's completed process."""
    command = [sys.executable, OPENSHIFT / "render", release, output, *names, "--profile", profile, *more]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    return subprocess.run(map(str, command), capture_output=True, text=True, check=False)


@functools.cache
def all_of(release, profile="worker-rt"):
    """Paths of all manifests of a release, and the objects in them by name. The folder lives as long as the program; who
    changes an object copies it."""
    names = manifests(release)
    if profile != "worker-rt":
        names.remove("05-mc-rt")  # it has no arguments before a node computes them
    folder = pathlib.Path(tempfile.mkdtemp(dir=FOLDER.name))
    done = render(release, folder, names, SETTINGS, profile=profile)
    if done.returncode != 0:
        sys.exit(done.stderr)
    paths = [folder / f"{name}.yaml" for name in names]
    return paths, {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths}
