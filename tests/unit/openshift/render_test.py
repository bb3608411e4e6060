#!/usr/bin/python3
"""render writes all that was asked for or nothing, and says what it lacks."""
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import rendered

POOL = ["00-mcp-worker-rt"]


class Render(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.output = self.folder / "out"

    def refused(self, names, settings, *words, release="4.7", profile="worker-rt"):
        done = rendered.render(release, self.output, names, settings, profile=profile)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertFalse(self.output.exists(), "nothing is written")

    def written(self, name):
        return (self.output / f"{name}.yaml").read_text(encoding="utf-8")

    def without(self, name):
        return {key: value for key, value in rendered.SETTINGS.items() if key != name}

    def profile(self, text):
        path = self.folder / "site.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_writes_what_was_asked_for(self):
        done = rendered.render("4.7", self.output, POOL, {"RESERVED_CPUS": "0-1", "ISOLATED_CPUS": "2-31"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([path.name for path in self.output.iterdir()], ["00-mcp-worker-rt.yaml"])

    def test_does_what_the_readme_tells_people_to_type(self):
        text = (rendered.OPENSHIFT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
        commands = re.findall(r"^    (packaging/.*)$", text, re.M)
        self.assertEqual(len(commands), 1, commands)
        (self.folder / "packaging").symlink_to(rendered.TOP / "packaging")
        for command in commands:
            words = shlex.split(command)
            done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            manifests = {word for word in words if re.match(r"\d\d-", word)}
            self.assertEqual({path.stem for path in self.output.iterdir()}, manifests)
        scripts = set(re.findall(r"debug-pod/on NODE ([a-z]+)", text))
        self.assertTrue(scripts)
        for script in scripts:
            self.assertTrue((rendered.OPENSHIFT / f"debug-pod/{script}.sh").exists(), script)

    def test_names_the_parameter_that_is_not_set_and_what_it_is(self):
        for name, manifest in (("IMAGE", "07-rt-stress-ng"), ("REPOSITORY_URL", "04-mc-rt-repository"),
                               ("RESERVED_CPUS", "05-kubeletconfig-worker-rt")):
            self.refused([manifest], self.without(name), name, "not set", f"--set {name}=")

    def test_names_the_parameter_that_there_is_not(self):
        self.refused(POOL, {"IMAGES": "x"}, "IMAGES", "there are: IMAGE,")

    def test_names_the_parameter_that_nothing_takes(self):
        self.refused(POOL, rendered.SETTINGS, "nothing in 00-mcp-worker-rt takes IMAGE, REPOSITORY_URL")

    def test_refuses_a_value_that_can_not_be(self):
        for name, value in (("IMAGE", "no tag"), ("IMAGE", "rtnode"), ("IMAGE", 'x:1"\n  privileged: true'),
                            ("RESERVED_CPUS", "0-"), ("ISOLATED_CPUS", "two"), ("TEST_CPUS", "0"), ("BINDIR", "bin"),
                            ("REPOSITORY_URL", "ftp://x/"), ("DURATION", "ten"), ("RESERVED_CPUS", "")):
            self.refused(POOL, {name: value}, f"can't be {name}")

    def test_refuses_cpu_sets_that_contradict_each_other(self):
        self.refused(POOL, {"RESERVED_CPUS": "0-2", "ISOLATED_CPUS": "2-31"}, "CPU 2", "both")
        self.refused(POOL, {"RESERVED_CPUS": "1", "ISOLATED_CPUS": "2-31"}, "lacks CPU 0")
        self.refused(["07-rt-stress-ng"], {**self.without("REPOSITORY_URL"), "ISOLATED_CPUS": "2-5"},
                     "STRESS_PODS", "4 isolated CPUs")

    def test_refuses_arguments_that_only_a_node_can_tell(self):
        self.refused(["05-mc-rt"], rendered.SETTINGS, "computed on each node", "05-mc-rtnode",
                     profile="worker-rt-isolated")
        self.refused(["05-mc-rt"], {}, "appends none", profile="measure-only")

    def test_takes_arguments_that_a_node_has_told(self):
        told = {"RESERVED_CPUS": "0", "ISOLATED_CPUS": "1", "KERNEL_ARGUMENTS": "nohz=on isolcpus=managed_irq,1"}
        done = rendered.render("4.7", self.output, ["05-mc-rt"], told, profile="worker-rt-isolated")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('    - "nohz=on"\n    - "isolcpus=managed_irq,1"\n', self.written("05-mc-rt"))

    def test_takes_a_profile_of_the_site_with_its_own_cpus(self):
        site = self.profile('[cpus]\nreserved = "0,16"\nisolated = "1-15,17-31"\n'
                            '[kernel-arguments]\nappend = ["skew_tick=1"]\n')
        done = rendered.render("4.7", self.output, ["05-mc-rt", "05-kubeletconfig-worker-rt"], {}, profile=site)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('reservedSystemCPUs: "0,16"', self.written("05-kubeletconfig-worker-rt"))
        self.assertTrue(self.written("05-mc-rt").endswith('kernelArguments:\n    - "skew_tick=1"\n'))

    def test_refuses_other_cpus_than_the_profiles(self):
        site = self.profile('[cpus]\nreserved = "0"\n')
        self.refused(POOL, {"RESERVED_CPUS": "0-1"}, "site.toml", 'reserved = "0"', "RESERVED_CPUS=0-1", profile=site)

    def test_tells_what_is_wrong_about_a_profile(self):
        self.refused(POOL, {}, "nosuch.toml", profile="nosuch")
        self.refused(POOL, {}, "site.toml", "line 1", profile=self.profile("[cpus\n"))
        self.refused(["05-mc-rt"], {}, "'a b'", profile=self.profile('[kernel-arguments]\nappend = ["a b"]\n'))

    def test_names_the_releases_and_manifests_that_there_are(self):
        self.refused(POOL, {}, "5.0", "4.3, 4.7", release="5.0")
        self.refused(["05-mc"], {}, "05-mc;", "05-mc-rt,")

    def test_misses_a_unit_that_is_not_there(self):
        done = rendered.render("4.7", self.output, ["05-mc-rtnode"], {"RESERVED_CPUS": "0-1", "ISOLATED_CPUS": "2-31"},
                               "--units", self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("rtnode-apply@.service", done.stderr)


if __name__ == "__main__":
    unittest.main()
