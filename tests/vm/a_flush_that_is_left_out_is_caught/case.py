"""That the power cuts can fail: a job whose every flush is left out says `done`, and the cut shows that it wasn't."""

from bed import expect
from machine import MachineError
from power_cut import PowerCuts, record_unflushed_job, recorded, small_override


def case(bed):
    bed.serve()
    with bed.step("an override runs in programs whose fsync does nothing, and says that it is done"):
        recording = recorded(bed, small_override, record_unflushed_job)

    with PowerCuts(bed, recording, small_override) as cuts:
        with bed.step("after a power cut the node isn't what the caller was told, and that is noticed"):
            try:
                cuts.survived(recording.cut_at("done"), repeated=False)
                found = None
            except (AssertionError, RuntimeError, MachineError) as error:
                found = error
            expect(found, "nothing was found wrong after a job without any flush")
            bed.tap.note(f"found: {found}")
