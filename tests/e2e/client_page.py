"""web/client in a page of a real Chromium: the page, and what a test asks of it."""
import subprocess

from followers import history
from harness import BASE, ROOT, wait_until

CLIENT = ROOT / "web" / "client"
SINGLE = "dist/cvpulse-client.min.js"

# Short times, so that what takes seconds in life takes a moment here.
TIMES = {"pingMs": 400, "pongMs": 1000, "muteMs": 1500, "silentMs": 20000, "retryMs": 50, "retryMaxMs": 400, "goodMs": 1000, "climbMs": 300,
         "climbMaxMs": 600, "pollMs": 800, "pollGapMs": 50}

PAGE = f"""
    location = /blank {{ default_type text/html; return 200 '<!doctype html><title>blank</title><body>'; }}
    location /client/ {{ alias {CLIENT}/; }}
"""


# Between the notifier and users whose ids begin so stands what stands between servers and people: what takes no WebSocket, what
# keeps a stream back, and what takes a WebSocket once the file GATE is there.
IN_THE_WAY = f"""
    location ~ ^{BASE}/ws/(sse|poll)- {{ include cvpulse/api.conf; proxy_set_header Connection ''; proxy_pass http://cvpulse_notifier; }}
    location ~ ^{BASE}/events/poll- {{
        include cvpulse/api.conf; proxy_pass http://cvpulse_notifier;
        proxy_buffering on; proxy_buffers 8 64k; proxy_ignore_headers X-Accel-Buffering;
    }}
    location ~ ^{BASE}/ws/later- {{
        if (!-f GATE) {{ return 502; }}
        include cvpulse/api.conf; proxy_pass http://cvpulse_notifier;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $cvpulse_connection;
    }}
"""


def build():
    subprocess.run([ROOT / "build-aux" / "npm.sh", "web/client", SINGLE], check=True)


# Every connection that the page begins is noted in `asked`, and whether it was hidden then.
PROLOGUE = """
    window.asked = []; window.states = []; window.events = [];
    const note = (kind, url) => { const a = { kind, url: String(url), hidden: document.hidden, ended: false }; asked.push(a); return a; };
    const { WebSocket, fetch } = window;
    const options = {
        ...arguments[0],
        WebSocket: class extends WebSocket { constructor(url) { note('websocket', url); super(url); } },
        fetch: (url, init) => {
            const asking = note(init.headers.Accept === 'application/json' ? 'poll' : 'sse', url);
            return fetch(url, init).finally(() => { asking.ended = true; });
        },
    };
"""
CONNECT = PROLOGUE + """
    const done = arguments[arguments.length - 1];
    eval(options.before ?? '');
    import('/client/dist/cvpulse-client.min.js').then(({ connect }) => {
        if (options.tokens) { window.renewals = []; options.getToken = ({ renew }) => { renewals.push(renew); return options.tokens.shift() ?? null; }; }
        window.cvpulse = connect(options);
        cvpulse.on('connection', (state) => states.push(state));
        cvpulse.on('event', (frame) => events.push(frame.id));
        done(null);
    }, (e) => done(String(e)));
"""


class Page:
    """One tab with a connection in it."""

    def __init__(self, browser, stack, user, times=None, remembers=False, **options):
        self.browser, self.stack, self.user = browser, stack, user
        browser.get(f"{stack.url}/blank")
        self.handle = browser.current_window_handle
        if not remembers:
            browser.execute_script("localStorage.clear()")
        failed = browser.execute_async_script(CONNECT, {"userId": user, "times": TIMES if times is None else times, **options})
        assert failed is None, failed

    def js(self, expression):
        return self.browser.execute_script(f"return {expression}")

    def front(self):
        self.browser.switch_to.window(self.handle)
        return self

    def state(self):
        return self.js("[cvpulse.state.connection, cvpulse.state.transport]")

    def wait(self, connection, transport=None, timeout=20):
        wait_until(lambda: self.state() == [connection, transport or self.state()[1]], timeout,
                   lambda: f"{self.state()} is not {connection} {transport}; {self.js('[states, asked, cvpulse.state.problem]')}")
        return self

    def statuses(self):
        return dict(self.js("[...cvpulse.state.cvs].map(([id, cv]) => [id, cv.status])"))

    def wait_status(self, expected, timeout=20):
        wait_until(lambda: self.statuses() == expected, timeout, lambda: f"{self.statuses()} is not {expected}")

    def has_all(self, timeout=20):
        """Every event of the user came once and in order."""
        ids = history(self.stack.db, self.user)
        wait_until(lambda: len(self.js("events")) >= len(ids), timeout, lambda: f"{len(self.js('events'))} of {len(ids)} events")
        assert self.js("events") == ids

    def asked(self):
        return [(a["kind"], a["hidden"]) for a in self.js("asked")]
