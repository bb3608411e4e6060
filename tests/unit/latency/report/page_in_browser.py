#!/usr/bin/env python3
"""Opens sample pages of report_html() in a headless Chromium and looks at what it makes of them.

usage: page_in_browser.py LATENCY_PAGE_SAMPLES [FOLDER]

LATENCY_PAGE_SAMPLES is the program that writes the pages. The pages and the pictures of them stay in FOLDER when it is
given. Exit status 77: there is no Chromium here.

Looked at, light and dark, 1200 pixels wide and as narrow as a phone: that the browser is content (exit status, nothing
on its console, so nothing refused by the page's own policy), that it found nothing to repair (its document has the same
elements as the source), that each CPU has its drawing, that nothing is wider than the window, and that the picture has
the size asked for, something on it, and a background as light or dark as asked for.
"""
import collections
import html
import html.parser
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

PAGES = {  # the CPUs that each page draws
    "stall": range(2, 6),
    "many": range(2, 66),
    "one": range(2, 3),
    "empty": range(2, 4),
    "spoilt": range(2, 4),
    "compared": range(2, 6),
}
DESKTOP = 1200
# Narrower than Chromium makes a window (500 pixels), so a page that is to be this narrow is shown in a frame.
PHONE = 390

failures = []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAILED:", what)


def browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    return None


def run(program, profile, dark, *arguments):
    """What the browser prints on its standard output; whatever its pages complain of is a failure."""
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-extensions", "--no-first-run",
               "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
               "--disable-sync", "--hide-scrollbars", f"--user-data-dir={profile}", "--enable-logging=stderr",
               "--v=0", f"--blink-settings=preferredColorScheme={0 if dark else 1}", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    log = done.stderr.decode(errors="replace")
    check(done.returncode == 0, f"{' '.join(arguments)} ended with {done.returncode}: {log[-2000:]}")
    complaints = [line for line in log.splitlines() if "CONSOLE" in line or "Refused to" in line]
    check(not complaints, f"{arguments[-1]}: the browser complains: {complaints}")
    return done.stdout.decode(errors="replace")


class Elements(html.parser.HTMLParser):
    """Counts elements and notes the ids of figures."""

    def __init__(self, text):
        super().__init__()
        self.counts = collections.Counter()
        self.figures = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.counts[tag] += 1
        if tag == "figure":
            self.figures.append(dict(attributes).get("id"))


def check_picture(path, width, height, dark):
    with open(path, "rb") as file:
        data = file.read()
    check(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG")
    pixels = b""
    at = 8
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            wide, high, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
        if kind == b"IDAT":
            pixels += data[at + 8:at + 8 + size]
        at += 12 + size
    check((wide, high) == (width, height), f"{path} has {wide} x {high} pixels, not {width} x {height}")
    check(depth == 8 and colour in (2, 6), f"{path} has colours of another form than expected")
    bytes_each = 3 if colour == 2 else 4
    lines = zlib.decompress(pixels)
    stride = 1 + wide * bytes_each
    different = len({lines[i:i + stride] for i in range(0, len(lines), stride)})
    check(different > 100, f"{path} is nearly empty: {different} different lines")
    # Whatever filter the first line has, its first pixel is stored as it is: what filters refer to lies outside.
    brightness = sum(lines[1:4]) / 3
    check(brightness < 64 if dark else brightness > 192, f"{path} has a background of brightness {brightness:.0f}")


def wrapped(page, height, *widths):
    """The page in frames of these widths, and below them what they measure."""
    frames = "".join(f'<iframe width="{width}" height="{height}" srcdoc="{html.escape(page)}"></iframe>'
                     for width in widths)
    return f"""<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0;display:block}}</style>
{frames}<pre id="measured"></pre>
<script>
addEventListener("load", () => {{
  const frames = [...document.querySelectorAll("iframe")];
  document.getElementById("measured").textContent = JSON.stringify(frames.map((frame) => {{
    const root = frame.contentDocument.documentElement;
    const right = [...root.querySelectorAll("body *")].filter((e) => !e.closest(".scroll > *") && !e.closest("svg"))
      .reduce((most, e) => Math.max(most, e.getBoundingClientRect().right), 0);
    return {{scrollWidth: root.scrollWidth, clientWidth: root.clientWidth, right: right, height: root.scrollHeight}};
  }}));
}});
</script>"""


def written(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def heights(program, profile, name, page, folder):
    """How high the page is by its width; that it is no wider than that is checked."""
    widths = (DESKTOP, PHONE)
    path = written(folder, f"{name}.frames.html", wrapped(page, 2000, *widths))
    dom = run(program, profile, False, "--dump-dom", "--window-size=1400,2200", f"file://{path}")
    found = re.search(r'<pre id="measured">(\[.*?\])</pre>', dom)
    check(found, f"{name}: nothing was measured in frames")
    if not found:
        return {}
    measured = dict(zip(widths, json.loads(html.unescape(found.group(1)))))
    for width, of in measured.items():
        check(of["clientWidth"] == width, f"{name}: the frame is not {width} wide: {of}")
        check(of["scrollWidth"] <= width and of["right"] <= width + 0.5, f"{name}: wider than {width} pixels: {of}")
    return {width: min(of["height"], 6000) for width, of in measured.items()}


def take_picture(program, profile, name, page, folder, width, height, dark):
    picture = os.path.join(folder, f"{name}-{width}-{'dark' if dark else 'light'}.png")
    if width < 500:
        shown = written(folder, f"{name}.frame.html", wrapped(page, height, width))
    else:
        shown = os.path.join(folder, f"{name}.html")
    window = max(width, 500)
    run(program, profile, dark, f"--screenshot={picture}", f"--window-size={window},{height}", f"file://{shown}")
    check(os.path.exists(picture), f"{picture} was not made")
    if os.path.exists(picture):
        check_picture(picture, window, height, dark)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    program = browser()
    if program is None:
        print("Chromium is not installed: what the pages look like is not tested")
        return 77
    with tempfile.TemporaryDirectory(prefix="rtnode-pages-") as temporary:
        folder = os.path.abspath(sys.argv[2]) if len(sys.argv) == 3 else temporary
        profile = os.path.join(temporary, "profile")
        subprocess.run([sys.argv[1], folder], check=True)
        for name, cpus in PAGES.items():
            path = os.path.join(folder, f"{name}.html")
            with open(path, encoding="utf-8") as file:
                page = file.read()
            source = Elements(page)
            dom = Elements(run(program, profile, False, "--dump-dom", f"file://{path}"))
            check(dom.figures == [f"cpu{cpu}" for cpu in cpus], f"{name}: drawings of {dom.figures}")
            check(dom.counts == source.counts,
                  f"{name}: the browser repaired it: {source.counts - dom.counts} became {dom.counts - source.counts}")
            for width, height in heights(program, profile, name, page, folder).items():
                # Each page in both widths and both schemes would be 24 starts of a browser.
                for dark in (False, True) if name == "stall" else (width == PHONE,):
                    take_picture(program, profile, name, page, folder, width, height, dark)
            print(f"{name}: looked at")
    print(f"{len(failures)} failures" if failures else "all pages are as they should be")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
