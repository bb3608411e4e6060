"""Power cuts of the whole change, kernel, initramfs and microcode: at each failpoint, and while /boot is written."""

from power_cut import kernel_swap, survives_cuts_everywhere


def case(bed):
    survives_cuts_everywhere(bed, kernel_swap, in_job=0, finalizing=10, booting=2, settling=1)
