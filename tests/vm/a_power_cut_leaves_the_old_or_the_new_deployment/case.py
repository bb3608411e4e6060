"""Power cuts at a few places of a small override, so that each run of the tests has some; the many are in power_cuts_*."""

from bed import expect_equal, expect_in
from image import command
from power_cut import PowerCuts, finalization_cuts, recorded, small_override


def on_disk(disk, path):
    """What debugfs says of a file's content in an unmounted image, behind its own first line."""
    return command("debugfs", "-R", f"cat {path}", disk).split("\n", 1)[1]


def case(bed):
    bed.serve()
    with bed.step("a small override is recorded, from the request to the boot of what it made"):
        recording = recorded(bed, small_override)

    with PowerCuts(bed, recording, small_override) as cuts:
        with bed.step("the disk forgets what was not flushed, and only that"):
            disk, _ = cuts.disk_after(recording.cut_at("written"))
            command("e2fsck", "-p", disk, good=(0, 1))
            var = f"/ostree/deploy/{bed.facts['stateroot']}/var"
            expect_equal(on_disk(disk, f"{var}/kept"), "kept\n", "the file that was flushed")
            expect_in("File not found", on_disk(disk, f"{var}/lost"), "the file that wasn't")
        cuts.tried([recording.cut_at("before-deploy", seed=1), recording.cut_at("done"), *finalization_cuts(recording, 2),
                    recording.cut_at("off")])
