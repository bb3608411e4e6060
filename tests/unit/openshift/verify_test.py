#!/usr/bin/python3
"""debug-pod/verify.sh says what Verify's rows say, and fails when one is wrong. busctl and the daemon are a stand-in: a
node in a folder, where tests/sysroot/openshift runs the real ones, has nothing booted that could be wrong."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import rendered

STAND_IN = pathlib.Path(__file__).resolve().parent / "stand_in_busctl"
SCRIPTS = rendered.OPENSHIFT / "debug-pod"


def row(check, state, expected="", actual="", remedy=""):
    """As busctl prints a dictionary of the daemon's, sorted by its keys."""
    fields = {"actual": actual, "check": check, "expected": expected, "remedy": remedy, "state": state}
    return "5 " + " ".join(f'"{key}" s "{value}"' for key, value in fields.items())


def verify(*rows):
    """Exit status and what was said; no rows at all: there is no daemon."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "busctl").symlink_to(STAND_IN)
        if rows:
            (folder / "rows").write_text(f"aa{{sv}} {len(rows)} {' '.join(rows)}\n", encoding="utf-8")
        script = (SCRIPTS / "lib.sh").read_text(encoding="utf-8") + (SCRIPTS / "verify.sh").read_text(encoding="utf-8")
        done = subprocess.run(["bash", "-s"], input=script, capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": f"{name}:{os.environ['PATH']}", "STAND_IN_ROWS": f"{name}/rows"})
    return done.returncode, done.stdout + done.stderr


class Verify(unittest.TestCase):
    def test_is_content_with_a_node_that_is_right(self):
        self.assertEqual(verify(row("kernel", "ok", "5.14", "5.14"), row("tree", "unknown", remedy="look again")),
                         (0, "ok      kernel\n-       tree (unknown): look again\n"
                             "1 checks are right, 0 wrong, 1 can't be told or don't apply\n"))

    def test_fails_when_a_row_is_wrong_and_says_what_to_do(self):
        status, said = verify(row("kernel", "ok"), row("kernel-argument nohz=on", "failed", "nohz=on", "", "reboot it"))
        self.assertEqual(status, 1)
        self.assertIn("FAILED  kernel-argument nohz=on: expected nohz=on, is \n        reboot it\n", said)
        self.assertIn("1 checks are right, 1 wrong, 0", said)

    def test_reads_what_busctl_escapes(self):
        _, said = verify(row("a", "failed", r"\"x\"", r"20 \302\265s", r"one\\two"))
        self.assertIn('expected "x", is 20 µs\n        one\\two\n', said)

    def test_fails_when_nothing_was_checked(self):
        self.assertEqual(verify("")[0], 1)

    def test_tells_when_there_is_no_daemon(self):
        status, said = verify()
        self.assertEqual(status, 4)
        self.assertIn("There is no rtnoded", said)


if __name__ == "__main__":
    unittest.main()
