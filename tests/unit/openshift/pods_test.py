#!/usr/bin/python3
"""Pod and Deployment are what Kubernetes' own API says they are, by the npm package kubernetes-models; and broken ones
aren't. Usage: pods_test.py FOLDER, where the package is installed as its package-lock.json says (npm ci)."""
import copy
import filecmp
import json
import pathlib
import shutil
import subprocess
import sys
import unittest

import rendered

HERE = pathlib.Path(__file__).resolve().parent / "kubernetes-models"


def install(folder):
    """npm ci, unless it was done for this very lock file."""
    lock, done = HERE / "package-lock.json", folder / "installed-package-lock.json"
    if done.exists() and filecmp.cmp(lock, done, shallow=False):
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "validate.js"):
        shutil.copy(HERE / name, folder)
    try:
        npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                             capture_output=True, text=True, check=False)
        said = npm.stderr if npm.returncode else ""
    except OSError as error:
        said = f"{error}"
    if said:
        sys.exit(f"npm could not install kubernetes-models, which this test needs from the npm registry:\n{said}")
    shutil.copy(lock, done)


def validate(*manifests):
    """What is wrong about each, "" = nothing."""
    shutil.copy(HERE / "validate.js", FOLDER)
    done = subprocess.run(["node", "validate.js"], cwd=FOLDER, input=json.dumps(manifests), capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


class Pods(unittest.TestCase):
    def setUp(self):
        _, objects = rendered.all_of("4.7")
        self.load, self.test = objects["07-rt-stress-ng"], objects["08-rt-test-cyclictest"]

    def test_are_what_kubernetes_takes(self):
        self.assertEqual(validate(self.load, self.test), ["", ""])

    def test_are_guaranteed_with_whole_cpus(self):
        for spec in (self.load["spec"]["template"]["spec"], self.test["spec"]):
            for container in spec["containers"]:
                self.assertEqual(container["resources"]["limits"], container["resources"]["requests"])
                self.assertRegex(container["resources"]["limits"]["cpu"], r"^\d+$")

    def test_are_refused_when_they_are_broken(self):
        def changed(change):
            pod = copy.deepcopy(self.test)
            change(pod["spec"])
            return pod

        broken = {
            "no containers": changed(lambda spec: spec.pop("containers")),
            "a number as a variable's value": changed(lambda spec: spec["containers"][0]["env"][0].update(value=10)),
            "a word as a flag":
                changed(lambda spec: spec["containers"][0]["securityContext"].update(privileged="yes")),
            "a command that is no list": changed(lambda spec: spec["containers"][0].update(command="sh")),
            "a path that is no text": changed(lambda spec: spec["volumes"][0]["hostPath"].update(path=1)),
            "a Deployment without selector": {**self.load, "spec": {"template": self.load["spec"]["template"]}},
        }
        for what, said in zip(broken, validate(*broken.values())):
            with self.subTest(what):
                self.assertNotEqual(said, "")


if __name__ == "__main__":
    FOLDER = pathlib.Path(sys.argv.pop(1))
    install(FOLDER)
    unittest.main()
