"""Power cuts of an override without a new initramfs: at each failpoint, at random moments of the job, during
finalization and in the first seconds of the new deployment."""

from power_cut import small_override, survives_cuts_everywhere


def case(bed):
    survives_cuts_everywhere(bed, small_override, in_job=20, finalizing=16, booting=4, settling=2)
