"""Power cuts of the whole change, kernel, initramfs and microcode: at each failpoint, and while /boot is written."""

from power_cut import PowerCuts, failpoint_names, finalization_cuts, kernel_swap, recorded


def case(bed):
    bed.serve()
    with bed.step("the whole change is recorded, from the request to the boot of what it made"):
        recording = recorded(bed, kernel_swap)
    with PowerCuts(bed, recording, kernel_swap, repeats=3) as cuts:
        cuts.tried([recording.cut_at("accepted"), recording.cut_at("done"),
                    *(recording.cut_at(name, seed=name) for name in failpoint_names()),
                    *finalization_cuts(recording, 8),
                    recording.cut_at("off"),
                    *recording.cuts_between("off", "booted", 2, "while the new deployment boots"),
                    *recording.cuts_between("booted", "settled", 1, "right after its boot")])
