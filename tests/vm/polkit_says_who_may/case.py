"""Who may: root without being asked, others as polkit says; everybody may read."""

from bed import MANAGER, expect, expect_equal, expect_in

USER = "worker"
AS_USER = f"setpriv --reuid={USER} --regid={USER} --clear-groups"
CHANGE = f"call {MANAGER} SetKernelArguments 'asasa{{sv}}' 1 asked=1 0 1 dry-run b true"
MEASURE = "call org.rtnode1 /org/rtnode1/latency org.rtnode1.Latency Start 'a{sv}' 2 duration s 1s interval u 50000"

# polkit looks for the agent of the very process that calls.
CALL_WITH_AGENT = f"""
folder=$(mktemp -d)
mkfifo "$folder/registered"
pkttyagent --process $$ --notify-fd 4 4>"$folder/registered" &
cat "$folder/registered"
exec busctl --timeout=120 {CHANGE}
"""
# Runs a command on a terminal and types the password when it is asked for: not before the echo is off, since turning
# it off throws away what was typed. In packet mode, with EXTPROC set, each change of the terminal's settings is an
# event to read (tty_ioctl(4)): then the first byte says what it is, 0 is output.
TYPIST = """
import fcntl, os, pty, struct, sys, termios
EXTPROC, LFLAG = 0o200000, 3
pid, terminal = pty.fork()
if pid == 0:
    sys.stdin.readline()
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCPKT, struct.pack("i", 1))
settings = termios.tcgetattr(terminal)
settings[LFLAG] |= EXTPROC
termios.tcsetattr(terminal, termios.TCSANOW, settings)
os.write(terminal, b"\\n")
seen, typed = b"", False
while True:
    try:
        packet = os.read(terminal, 4096)
    except OSError:
        break
    if packet[0] == 0:
        seen += packet[1:]
    if not typed and b"assword:" in seen and not termios.tcgetattr(terminal)[LFLAG] & termios.ECHO:
        os.write(terminal, sys.argv[1].encode() + b"\\n")
        typed = True
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def case(bed):
    machine = bed.boot()
    machine.ok(f"useradd --system {USER}; echo {USER}:secret | chpasswd; echo root:secret | chpasswd")

    with bed.step("everybody may read"):
        version = machine.ok(f"{AS_USER} busctl get-property {MANAGER} Version")
        expect(version.startswith('s "'), f"Version: {version}")
        machine.ok(f"{AS_USER} rtnodectl status")

    with bed.step("an unprivileged user may change nothing, and is told why"):
        for what in (CHANGE, MEASURE, f"call {MANAGER} Reboot 'a{{sv}}' 0",
                     f"call {MANAGER} Override 'asasasa{{sv}}' 0 0 1 /etc/shadow 0"):
            bed.refused(f"{AS_USER} busctl {what}", "password is needed")
        expect_equal(bed.manager("Jobs"), [], "jobs")

    with bed.step("root of a user namespace is not root"):
        bed.refused(f"{AS_USER} unshare -Ur busctl {CHANGE}", "")
        bed.refused(f"unshare -Ur busctl {CHANGE}", "user namespace")

    with bed.step("root may, and isn't asked"):
        machine.ok(f"busctl {CHANGE}")
        machine.ok("systemctl stop polkit")
        machine.ok(f"busctl {CHANGE}")

    with bed.step("a rule of the admin lets this user measure, and nothing else"):
        machine.ok("cat >/etc/polkit-1/rules.d/50-rtnode.rules <<'END'\n"
                   "polkit.addRule(function(action, subject) {\n"
                   f"    if (action.id == 'org.rtnode1.measure' && subject.user == '{USER}') return polkit.Result.YES;\n"
                   "});\nEND\nsystemctl restart polkit")
        machine.ok(f"{AS_USER} busctl {MEASURE}")
        bed.refused(f"{AS_USER} busctl {CHANGE}", "password is needed")

    with bed.step("auth_admin works: with an agent that knows root's password the user may change"):
        machine.ok(f"cat >/run/call <<'END'\n{CALL_WITH_AGENT}END\ncat >/run/typist <<'END'\n{TYPIST}END\n")
        out = machine.ok(f"python3 /run/typist secret {AS_USER} bash /run/call", 300)
        expect_in("AUTHENTICATION COMPLETE", out, "the agent's words")
        expect_equal(bed.done("/org/rtnode1/job/3")["dry-run"], True, "the user's job")
        expect_in(USER, machine.ok("busctl get-property org.rtnode1 /org/rtnode1/job/3 org.rtnode1.Job Caller; id worker"),
                  "the caller")
