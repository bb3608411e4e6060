"""Power cuts of an override without a new initramfs: at each failpoint, at random moments of the job, during
finalization and in the first seconds of the new deployment."""

from power_cut import PowerCuts, failpoint_names, finalization_cuts, recorded, small_override


def case(bed):
    bed.serve()
    with bed.step("a small override is recorded, from the request to the boot of what it made"):
        recording = recorded(bed, small_override)
    with PowerCuts(bed, recording, small_override, repeats=3) as cuts:
        cuts.tried([recording.cut_at("accepted"), recording.cut_at("done"),
                    *(recording.cut_at(name, seed=name) for name in failpoint_names()),
                    *recording.cuts_between("accepted", "done", 20, "in the job"),
                    *finalization_cuts(recording, 10),
                    recording.cut_at("off"),
                    *recording.cuts_between("off", "booted", 4, "while the new deployment boots"),
                    *recording.cuts_between("booted", "settled", 2, "right after its boot")])
