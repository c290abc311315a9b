#!/usr/bin/env python3
"""Watches orders in a headless Chromium: browser.py PROGRAM [SCREENSHOT].

Starts the service in memory, opens its page, and looks whether orders that are placed, paid and shipped meanwhile
appear there without being asked for. Talks to the browser by the DevTools protocol over a pipe, as --dump-dom does not
wait for what comes after the page was loaded. Without chromium it ends with 77, which ctest reports as skipped.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

chromium = os.environ.get("AETHER_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if not chromium:
    print("no chromium in PATH and none named in AETHER_CHROMIUM")
    sys.exit(77)
program = sys.argv[1]
screenshot = sys.argv[2] if len(sys.argv) > 2 else None


class Browser:
    """A page, by commands and answers that end with a zero byte."""

    def __init__(self, profile):
        to_read, self.to = os.pipe()
        from_, to_write = os.pipe()

        def as_3_and_4():
            # Above them first, so that neither is overwritten.
            one, other = os.dup(to_read), os.dup(to_write)
            high_one, high_other = os.dup2(one, 20), os.dup2(other, 21)
            os.dup2(high_one, 3)
            os.dup2(high_other, 4)

        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--remote-debugging-pipe", "--user-data-dir=" + profile, "--window-size=1000,430"]
        self.process = subprocess.Popen([chromium, *options], preexec_fn=as_3_and_4, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.answers = os.fdopen(from_, "rb", buffering=0)
        self.buffer = b""
        self.number = 0
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method, **parameters):
        self.number += 1
        command = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.to, json.dumps(command).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                part = self.answers.read(65536)
                if not part:
                    sys.exit("the browser ended")
                self.buffer += part
            one, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(one)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def evaluate(self, expression):
        return self.ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def until(self, expression, wanted):
        end = time.monotonic() + 10
        while (seen := self.evaluate(expression)) != wanted:
            if time.monotonic() > end:
                sys.exit(f"{expression} is {seen!r}, not {wanted!r}")
            time.sleep(0.05)


def post(path, **body):
    request = urllib.request.Request(base + path, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["id"]


def status_on_page(order):
    return f"document.getElementById('{order}')?.dataset.status"


def try_page(browser):
    early = post("/orders", customer="Grace", article="saucer", quantity=4, cents=2000)
    browser.ask("Page.navigate", url=base + "/")
    browser.until("document.getElementById('line')?.textContent", "live")
    browser.until(status_on_page(early), "placed")  # from before the page was opened

    post("/stock/cup", quantity=10)
    orders = [post("/orders", customer=name, article="cup", quantity=n, cents=1250 * n)
              for n, name in enumerate(("Ada", "Barbara", "Edsger", "Donald"), 1)]
    for order in orders:
        browser.until(status_on_page(order), "placed")
    for order in orders[:3]:
        post(f"/orders/{order}/pay", reference="card")
        browser.until(status_on_page(order), "reserved")  # which the workflow brought about
    post(f"/orders/{orders[0]}/ship", tracking="by-bike")
    browser.until(status_on_page(orders[0]), "shipped")
    post(f"/orders/{orders[1]}/cancel", reason="changed my mind")
    browser.until(status_on_page(orders[1]), "cancelled")
    browser.until(f"document.getElementById('{orders[2]}').cells[1].textContent", "Edsger")
    browser.until("document.getElementById('sums').textContent",
                  "placed: 2 · paid: 0 · reserved: 1 · shipped: 1 · cancelled: 1")
    if screenshot:
        image = browser.ask("Page.captureScreenshot", format="png")["data"]
        with open(screenshot, "wb") as file:
            file.write(base64.b64decode(image))


service = subprocess.Popen([program, "--memory", "--port", "0"], stdout=subprocess.PIPE, text=True)
try:
    base = service.stdout.readline().removeprefix("listening on ").strip()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        page = Browser(profile)
        try:
            try_page(page)
        finally:
            page.process.kill()
            page.process.wait()
    service.terminate()
    if service.wait(10) != 0:
        sys.exit(f"the service ended with {service.returncode}")
finally:
    service.kill()
print("the page shows orders live")
