#!/usr/bin/python3
"""What is rendered are objects that a cluster takes, and say what profile, configuration and units say. Broken ones are
refused by the same checks."""
import base64
import copy
import functools
import json
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

import jsonschema

import rendered

SCHEMAS = pathlib.Path(__file__).resolve().parent / "schemas"
STORE = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
# What Kubernetes itself has is for pods_test.py.
OURS = {"MachineConfigPool", "MachineConfig", "KubeletConfig", "Tuned"}


def check(manifest, release):
    """Raises jsonschema.ValidationError."""
    for name in (f"{manifest['kind']}.json", f"{release}.json"):
        resolver = jsonschema.RefResolver("", STORE[name], store=STORE)
        jsonschema.Draft7Validator(STORE[name], resolver=resolver).validate(manifest)


def ignition_validate(config):
    """What ignition-validate says of a configuration, "" = nothing. It only warns of unknown keys, and succeeds."""
    done = subprocess.run(["ignition-validate", "-"], input=json.dumps(config), capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else "refused")


def files_of(manifest):
    """The installed files' texts by path."""
    config = manifest["spec"]["config"]
    return {file["path"]: base64.b64decode(file["contents"]["source"].partition("base64,")[2]).decode()
            for file in config["storage"]["files"]}


def of_each(test):
    """Runs a test with the manifests of each release and profile."""
    @functools.wraps(test)
    def run(self):
        for release in rendered.RELEASES:
            for profile in ("worker-rt", "worker-rt-isolated"):
                with self.subTest(release, profile=profile):
                    test(self, release, profile, *rendered.all_of(release, profile))
    return run


class Manifests(unittest.TestCase):
    def test_have_the_how_tos_names(self):
        for release in rendered.RELEASES:
            self.assertLessEqual(
                {"00-mcp-worker-rt", "00-tuned-network-latency", "01-tuned-rt", "05-mc-rt", "05-kubeletconfig-worker-rt",
                 "07-rt-stress-ng", "08-rt-test-cyclictest"}, set(rendered.manifests(release)))

    @of_each
    def test_are_good_yaml(self, _release, _profile, paths, _objects):
        done = subprocess.run(["yamllint", "--strict", "--config-file", SCHEMAS.parent / "yamllint.yaml", *paths],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stdout + done.stderr, "")

    @of_each
    def test_are_of_their_kinds_schemas(self, release, _profile, _paths, objects):
        self.assertEqual({o["kind"] for o in objects.values()}, OURS | {"Deployment", "Pod"})
        for manifest in objects.values():
            if manifest["kind"] in OURS:
                check(manifest, release)

    @of_each
    def test_have_ignition_that_ignition_takes(self, release, _profile, _paths, objects):
        if release == "4.3":
            return  # Ignition 2.2.0, which ignition-validate doesn't know; its schema is part of 4.3.json
        configs = [o["spec"]["config"] for o in objects.values() if "config" in o["spec"]]
        self.assertGreaterEqual(len(configs), 2)
        for config in configs:
            self.assertEqual(ignition_validate(config), "")

    @of_each
    def test_set_the_profiles_kernel_arguments_in_their_order(self, _release, profile, _paths, objects):
        if profile != "worker-rt":
            return
        arguments = objects["05-mc-rt"]["spec"]["kernelArguments"]
        shipped = tomllib.loads((rendered.TOP / "conf/profiles/worker-rt.toml").read_text(encoding="utf-8"))
        gone = {"audit=0", "mce=off", "kthread_cpus=0"}
        self.assertEqual(arguments, [a if a != "irqaffinity=0" else "irqaffinity=0-1"
                                     for a in shipped["kernel-arguments"]["append"] if a not in gone])

    @of_each
    def test_install_what_is_shipped(self, _release, profile, _paths, objects):
        files = files_of(objects["05-mc-rtnode"])
        folder = f"/etc/rtnode/profiles.d/{profile}.toml"
        self.assertEqual(files.pop(folder),
                         (rendered.TOP / f"conf/profiles/{profile}.toml").read_text(encoding="utf-8"))
        drop_in = tomllib.loads(files.pop(f"{folder}.d/50-openshift.toml"))
        self.assertEqual((drop_in["cpus"]["reserved"], drop_in["cpus"]["isolated"]), ("0-1", "2-31"))
        configuration = tomllib.loads(files.pop("/etc/rtnode/rtnoded.conf.d/50-openshift.toml"))
        self.assertEqual(configuration["profile"]["name"], profile)
        self.assertEqual(files, {})
        self.assertIn("baseurl=http://repo.example.com:8000/rt/\ngpgcheck=1\n",
                      files_of(objects["04-mc-rt-repository"])["/etc/yum.repos.d/rtnode-rt.repo"])

    @of_each
    def test_install_units_that_systemd_accepts(self, _release, profile, _paths, objects):
        units = {u["name"]: u for u in objects["05-mc-rtnode"]["spec"]["config"]["systemd"]["units"]}
        apply = units[f"rtnode-apply@{profile}.service"]
        self.assertTrue(apply["enabled"])
        # %I would make worker/rt of worker-rt.
        self.assertIn("\nExecStart=/usr/bin/rtnodectl apply %i\n", apply["contents"])
        self.assertIn("\nBefore=kubelet.service", apply["contents"])
        self.assertTrue(units["rtnode-verify.service"]["enabled"])
        self.assertTrue(any(n.startswith("rtnode-latency@") and u.get("enabled") for n, u in units.items()))
        for unit in units.values():
            self.assertFalse(unit.get("enabled") and "[Install]" not in unit["contents"], unit["name"])
        with tempfile.TemporaryDirectory() as folder:
            for name, unit in units.items():
                text = "\n".join("ExecStart=/bin/true" if line.startswith("ExecStart=") else line
                                 for line in unit["contents"].split("\n"))
                (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", *(f"{folder}/{name}" for name in units)],
                                  capture_output=True, text=True, check=False).stderr
            self.assertEqual([line for line in said.split("\n") if folder in line], [])

    @of_each
    def test_agree_about_the_reserved_cpus(self, release, profile, _paths, objects):
        kubelet = objects["05-kubeletconfig-worker-rt"]["spec"]["kubeletConfig"]
        if release == "4.3":
            self.assertEqual((kubelet["systemReserved"]["cpu"], kubelet["kubeReserved"]["cpu"]), ("1000m", "1000m"))
        else:
            self.assertEqual(kubelet["reservedSystemCPUs"], "0-1")
        self.assertIn("\nisolated_cores=2-31\n", objects["01-tuned-rt"]["spec"]["profile"][0]["data"])

    @of_each
    def test_find_each_other(self, _release, _profile, _paths, objects):
        pool = objects["00-mcp-worker-rt"]
        roles = pool["spec"]["machineConfigSelector"]["matchExpressions"][0]["values"]
        selector = objects["05-kubeletconfig-worker-rt"]["spec"]["machineConfigPoolSelector"]["matchLabels"]
        self.assertLessEqual(selector.items(), pool["metadata"]["labels"].items())
        profiles, priorities = {"openshift-node"}, []
        for manifest in objects.values():
            if manifest["kind"] == "MachineConfig":
                self.assertIn(manifest["metadata"]["labels"]["machineconfiguration.openshift.io/role"], roles)
            if manifest["kind"] == "Tuned":
                for profile in manifest["spec"]["profile"]:
                    include = profile["data"].partition("\ninclude=")[2].partition("\n")[0]
                    self.assertIn(include, profiles)
                    profiles.add(profile["name"])
                priorities += [r["priority"] for r in manifest["spec"]["recommend"]]
        self.assertEqual(len(set(priorities)), len(priorities), "which of two equals wins isn't said")
        self.assertLess(max(priorities), 30, "the cluster's own begin at 30")

    @of_each
    def test_have_a_pod_of_the_load_on_each_cpu_that_is_left(self, _release, _profile, _paths, objects):
        self.assertEqual(objects["07-rt-stress-ng"]["spec"]["replicas"], 25)  # of 30, less 4 and 1

    def test_name_no_host_but_the_ones_given(self):
        for path in rendered.OPENSHIFT.rglob("*"):
            if path.is_file():
                self.assertNotRegex(path.read_text(encoding="utf-8"), r"\b(docker|quay|ghcr|gcr|registry)\.\w+")


def at(manifest, path):
    """The parent of what a path names, and its key there."""
    *parents, last = path
    for key in parents:
        manifest = manifest[key]
    return manifest, last


# Each is what somebody could write, or the how-to did: manifest, place, what stands there then (None: the null of YAML).
FILE = ("spec", "config", "storage", "files", 0)
BROKEN = [
    ("a pool's maxUnavailable that is null", "00-mcp-worker-rt", ("spec", "maxUnavailable"), None),
    ("a pool without selector of nodes", "00-mcp-worker-rt", ("spec", "nodeSelector"), {}),
    ("a pool's unknown key", "00-mcp-worker-rt", ("spec", "maxUnavailabel"), 1),
    ("a MachineConfig of no role", "05-mc-rt", ("metadata", "labels"), {}),
    ("an argument that is a number", "05-mc-rt", ("spec", "kernelArguments", 0), 7),
    ("two arguments in one", "05-mc-rt", ("spec", "kernelArguments", 0), "hugepagesz=1G hugepages=32"),
    ("Ignition of no version", "05-mc-rtnode", ("spec", "config", "ignition"), {}),
    ("Ignition of another version", "05-mc-rtnode", ("spec", "config", "ignition", "version"), "3.5.0"),
    ("a setuid file", "05-mc-rtnode", (*FILE, "mode"), 0o4755),
    ("a Tuned outside its namespace", "01-tuned-rt", ("metadata", "namespace"), "default"),
    ("a Tuned that nothing recommends", "01-tuned-rt", ("spec", "recommend"), []),
    ("a Tuned's negative priority", "01-tuned-rt", ("spec", "recommend", 0, "priority"), -1),
    ("a TuneD profile without [main]", "01-tuned-rt", ("spec", "profile", 0, "data"), "[sysctl]\nvm.swappiness=10\n"),
    ("a KubeletConfig with what the controller refuses", "05-kubeletconfig-worker-rt",
     ("spec", "kubeletConfig", "featureGates"), {"CPUManager": True}),
    ("a KubeletConfig for no pool", "05-kubeletconfig-worker-rt", ("spec", "machineConfigPoolSelector"), {}),
    ("CPUs as a number", "05-kubeletconfig-worker-rt", ("spec", "kubeletConfig", "systemReserved", "cpu"), 1),
]
BROKEN_OF = {
    "4.3": [
        ("a kernel type, before there is one", "05-mc-rt", ("spec", "kernelType"), "realtime"),
        ("reserved CPUs by name, before that", "05-kubeletconfig-worker-rt",
         ("spec", "kubeletConfig", "reservedSystemCPUs"), "0-1"),
        ("a file on no file system", "05-mc-rtnode", (*FILE, "filesystem"), "boot"),
        ("a file of Ignition 2 without contents", "05-mc-rtnode", (*FILE, "contents"), {}),
        ("a file from elsewhere", "05-mc-rtnode", (*FILE, "contents", "source"), "http://x/y"),
        ("a unit of no kind", "05-mc-rtnode", ("spec", "config", "systemd", "units", 0, "name"), "rtnode-apply"),
        ("arguments by way of Tuned, before that", "01-tuned-rt",
         ("spec", "recommend", 0, "machineConfigLabels"), {"a": "b"}),
    ],
    "4.7": [("a kernel type that isn't one", "05-mc-rt", ("spec", "kernelType"), "rt")],
}
BROKEN_IGNITION = [
    ("a file on a file system, as in Ignition 2", ("storage", "files", 0, "filesystem"), "root"),
    ("a path that isn't absolute", ("storage", "files", 0, "path"), "etc/x"),
    ("a source that is no URL", ("storage", "files", 0, "contents", "source"), "data"),
    ("a unit of no kind", ("systemd", "units", 0, "name"), "rtnode-apply"),
    ("a version that isn't there", ("ignition", "version"), "2.2.0"),
]


class Refused(unittest.TestCase):
    def test_is_what_the_schemas_do_not_allow(self):
        for release in rendered.RELEASES:
            _, objects = rendered.all_of(release)
            for what, name, path, value in BROKEN + BROKEN_OF[release]:
                manifest = copy.deepcopy(objects[name])
                parent, key = at(manifest, path)
                parent[key] = value
                with self.subTest(what, release=release), self.assertRaises(jsonschema.ValidationError):
                    check(manifest, release)

    def test_is_what_ignition_does_not_take(self):
        _, objects = rendered.all_of("4.7")
        for what, path, value in BROKEN_IGNITION:
            config = copy.deepcopy(objects["05-mc-rtnode"]["spec"]["config"])
            parent, key = at(config, path)
            parent[key] = value
            with self.subTest(what):
                self.assertNotEqual(ignition_validate(config), "")

    def test_is_bad_yaml(self):
        for what, text in (("a key twice", "a: 1\na: 2\n"), ("a tab", "a:\n\tb: 1\n"), ("a blank at the end", "a: 1 \n")):
            done = subprocess.run(["yamllint", "--strict", "--config-file", SCHEMAS.parent / "yamllint.yaml", "-"],
                                  input=text, capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0, what)


class Schemas(unittest.TestCase):
    def test_are_schemas(self):
        for schema in STORE.values():
            jsonschema.Draft7Validator.check_schema(schema)


if __name__ == "__main__":
    unittest.main()
