"""A browser for the tests of pages: chromium, steered through chromedriver with what Python has in itself."""
import base64
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"left": "\ue012", "up": "\ue013", "right": "\ue014", "down": "\ue015", "enter": "\ue007", "escape": "\ue00c", "tab": "\ue004",
        "shift": "\ue008", "home": "\ue011"}


def find_browser():
    """The browser's path and its driver's; None for what is not installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return browser, shutil.which("chromedriver")


class Failure(Exception):
    pass


class Browser:
    """One window without a screen. Use it in a `with`."""

    def __init__(self, width=1280, height=900):
        browser, driver = find_browser()
        self.folder = tempfile.mkdtemp(prefix="treadle-browser-")
        self.log = open(os.path.join(self.folder, "driver.log"), "w+b")
        self.driver = subprocess.Popen([driver, "--port=0"], stdout=self.log, stderr=subprocess.STDOUT)
        self.session = None
        try:
            self.port = self._port()
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--no-first-run", f"--user-data-dir={self.folder}/profile", f"--window-size={width},{height}"]
            capabilities = {"browserName": "chrome", "goog:chromeOptions": {"binary": browser, "args": arguments},
                            "goog:loggingPrefs": {"browser": "ALL"}}
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self.session = made["sessionId"]
        except BaseException:
            self.close()
            raise

    def _port(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with open(self.log.name, "rb") as log:
                for line in log.read().splitlines():
                    if b"successfully on port " in line and line.rstrip(b".").split()[-1].isdigit():
                        return int(line.rstrip(b".").split()[-1])
            if self.driver.poll() is not None:
                break
            time.sleep(0.02)
        raise Failure("chromedriver does not start")

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise Failure(f"{value['error']}: {value.get('message', '')}")
        return value

    def _do(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}/{path}", body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self.session is not None:
                self._call("DELETE", f"/session/{self.session}")
        except (Failure, OSError):
            pass  # the process is ended all the same
        self.driver.terminate()
        self.driver.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what a person does ----------------------------------------------------------------------------------------

    def open(self, path):
        self._do("POST", "url", {"url": "file://" + os.path.abspath(os.fspath(path))})

    def prefer(self, scheme):
        """What the user likes: dark or light."""
        self._do("POST", "goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]}})

    def find(self, css):
        return self._do("POST", "element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self._do("POST", f"element/{self.find(css)}/click", {})

    def text(self, css):
        return self._do("GET", f"element/{self.find(css)}/text")

    def press(self, *keys):
        """Presses keys one after another, on whatever has the focus; "shift+x" holds one down."""
        steps = []
        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            names = [KEYS.get(each, each) for each in held + [last]]
            steps += [{"type": "keyDown", "value": each} for each in names] + [{"type": "keyUp", "value": each} for each in reversed(names)]
        self._do("POST", "actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def type(self, css, text):
        self._do("POST", f"element/{self.find(css)}/value", {"text": text})

    def mouse(self, css, *steps):
        """Steps on an element: ("move", x, y), "down", "up"; x and y count from its left top corner."""
        element = self.find(css)
        box = self.run("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.width, b.height]", css)
        actions = []
        for step in steps:
            if isinstance(step, tuple):
                x, y = round(step[1] - box[0] / 2), round(step[2] - box[1] / 2)
                actions.append({"type": "pointerMove", "duration": 0, "origin": {ELEMENT: element}, "x": x, "y": y})
            else:
                actions.append({"type": "pointerDown" if step == "down" else "pointerUp", "button": 0})
        self._do("POST", "actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]})

    def wheel(self, css, x, y, delta):
        element = self.find(css)
        box = self.run("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.width, b.height]", css)
        self._do("POST", "actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "origin": {ELEMENT: element}, "x": round(x - box[0] / 2), "y": round(y - box[1] / 2), "deltaX": 0,
             "deltaY": delta, "duration": 0}]}]})

    # ---- what a test looks at --------------------------------------------------------------------------------------

    def run(self, script, *arguments):
        return self._do("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        return self._do("POST", "execute/async", {"script": script, "args": list(arguments)})

    def complaints(self):
        """What the page wrote to the console as an error."""
        return [each["message"] for each in self._do("POST", "se/log", {"type": "browser"}) if each["level"] == "SEVERE"]

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._do("GET", "screenshot")))
