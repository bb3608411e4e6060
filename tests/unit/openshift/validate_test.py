#!/usr/bin/python3
"""validate.sh finds right what the how-to shows, and tells each thing that isn't. oc is a stand-in."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import rendered

STAND_IN = pathlib.Path(__file__).resolve().parent / "stand_in_oc"
# As in the how-to, but for the shortened names.
GOOD = {
    "node": "NAME       STATUS   ROLES              AGE   VERSION\nworker-3   Ready    worker,worker-rt   25h   v1.16.2\n",
    "pool": "NAME        CONFIG                        UPDATED   UPDATING   DEGRADED   MACHINECOUNT   READYMACHINECOUNT   "
            "UPDATEDMACHINECOUNT   DEGRADEDMACHINECOUNT\n"
            "worker-rt   rendered-worker-rt-5da79e09   True      False      False      1              1                   "
            "1                     0\n",
    "arguments": "default_hugepagesz=1G hugepagesz=1G hugepages=32 nohz=on skew_tick=1",
    "cmdline": "BOOT_IMAGE=/ostree/vmlinuz rw root=UUID=6101 ignition.platform.id=metal default_hugepagesz=1G "
               "hugepagesz=1G hugepages=32 nohz=on nosoftlockup skew_tick=1\n",
    "uname": "Linux worker-3 4.18.0-147.rt24.93.el8.x86_64 #1 SMP PREEMPT RT Thu Sep 26 16:48:43 UTC 2019 x86_64\n",
}


class Validate(unittest.TestCase):
    def run_with(self, *arguments, **changed):
        """Exit status and what was printed, with other answers of oc; None: it fails."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "bin").mkdir()
            (folder / "bin/oc").symlink_to(STAND_IN)
            for file, answer in {**GOOD, **changed}.items():
                if answer is not None:
                    (folder / file).write_text(answer, encoding="utf-8")
            oc = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "STAND_IN_OC": name}
            done = subprocess.run([rendered.OPENSHIFT / "validate.sh", *arguments], capture_output=True, text=True,
                                  check=False, env={**os.environ, **oc})
        self.assertNotIn("stand_in_oc:", done.stderr)
        return done.returncode, done.stdout + done.stderr

    def wrong(self, what, *arguments, **changed):
        status, said = self.run_with(*(arguments or ["worker-3"]), **changed)
        self.assertEqual(status, 1, said)
        self.assertIn(f"FAILED  {what}", said)

    def test_finds_the_how_tos_node_right(self):
        status, said = self.run_with("worker-3")
        self.assertEqual(status, 0, said)
        self.assertNotIn("FAILED", said)
        self.assertIn("ok      roles of worker-3: worker,worker-rt\n", said)
        self.assertIn("ok      kernel argument hugepages=32: there\n", said)

    def test_knows_the_real_time_kernels_of_today(self):
        self.assertEqual(self.run_with("worker-3", uname="Linux w 5.14.0-427.el9.x86_64+rt #1 SMP PREEMPT_RT Fri\n")[0], 0)

    def test_tells_a_node_that_is_not_ready_or_not_in_the_pool(self):
        self.wrong("status of worker-3: expected Ready, is NotReady", node=GOOD["node"].replace("Ready   ", "NotReady"))
        self.wrong("roles of worker-3: expected worker-rt among them, is worker",
                   node=GOOD["node"].replace(",worker-rt", ""))
        self.wrong("roles of worker-3", node=GOOD["node"].replace("worker-rt", "worker-rta"))

    def test_tells_a_pool_that_is_not_through(self):
        self.wrong("worker-rt UPDATED: expected True, is False", pool=GOOD["pool"].replace("True ", "False"))
        self.wrong("worker-rt READYMACHINECOUNT: expected 2, is 1",
                   pool=GOOD["pool"].replace("1             ", "2             ", 1))
        self.wrong("worker-rt DEGRADEDMACHINECOUNT: expected 0, is 1", pool=GOOD["pool"].replace("0\n", "1\n"))
        self.wrong("machines of worker-rt: expected one or more, is 0", pool=GOOD["pool"].replace(" 1 ", " 0 "))

    def test_tells_a_kernel_argument_that_is_missing_or_in_another_place(self):
        self.wrong("kernel argument nohz=on: expected there, is missing", cmdline=GOOD["cmdline"].replace("nohz=on ", ""))
        self.wrong("kernel argument hugepages=32",
                   cmdline="rw hugepages=32 default_hugepagesz=1G hugepagesz=1G nohz=on skew_tick=1\n")
        self.wrong("kernel argument nohz=on", cmdline=GOOD["cmdline"].replace("nohz=on", "nohz=one"))

    def test_takes_the_arguments_that_it_is_told(self):
        self.assertEqual(self.run_with("worker-3", "nohz=on", "skew_tick=1", arguments=None)[0], 0)
        self.wrong("kernel argument isolcpus=2-31", "worker-3", "isolcpus=2-31")

    def test_says_when_the_pool_sets_no_arguments(self):
        status, said = self.run_with("worker-3", arguments="")
        self.assertEqual(status, 0, said)
        self.assertIn("-       kernel arguments: the pool's MachineConfigs set none", said)

    def test_tells_a_stock_kernel(self):
        self.wrong("kernel: expected one with PREEMPT_RT or PREEMPT RT",
                   uname="Linux worker-3 4.18.0-147.el8.x86_64 #1 SMP Thu Sep 26 16:48:43 UTC 2019 x86_64\n")

    def test_fails_when_something_can_not_be_asked_for(self):
        for file in GOOD:
            status, said = self.run_with("worker-3", **{file: None})
            self.assertEqual(status, 1, said)
            self.assertIn("FAILED  oc ", said)

    def test_says_how_it_is_used(self):
        for arguments in ([], ["--help"]):
            status, said = self.run_with(*arguments)
            self.assertEqual(status, 2)
            self.assertIn("validate.sh NODE", said)


if __name__ == "__main__":
    unittest.main()
