"""A chart of the newest results (SVG): bars, one panel a question. Read on light and on dark pages."""
from .report import number

PANELS = [("full", "cpu_us_per_frame", "CPU a frame, 1,000 connections at full rate (µs)"),
          ("steady", "p99_us", "99 % of frames are there within, 10,000 connections (µs)"),
          ("idle", "kib_per_connection", "Memory of an idle connection (KiB)")]
NAMES = {"limit": "limit (bare epoll)", "node": "Node.js ws + ioredis", "nchan": "nchan", "fastapi": "FastAPI + uvicorn"}
WIDTH, LEFT, BAR, GAP, HEAD = 720, 160, 18, 6, 34
STYLE = """text{font:13px sans-serif;fill:#57606a}.title{font-weight:bold}rect{fill:#8c959f}.mine{fill:#1a7f37}text.mine{font-weight:bold}
@media(prefers-color-scheme:dark){text{fill:#b1bac4}.mine{fill:#3fb950}}"""


def panel(title, values, y):
    most, parts = max(values.values()), [f'<text class="title" x="0" y="{y + 16}">{title}</text>']
    y += HEAD - GAP
    for server, value in values.items():
        css = ' class="mine"' if server == "cvpulse" else ""
        length = max(2, round((WIDTH - LEFT - 70) * value / most))
        parts += [f'<text{css} x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{NAMES.get(server, server)}</text>',
                  f'<rect{css} x="{LEFT}" y="{y}" width="{length}" height="{BAR}" rx="2"/>',
                  f'<text{css} x="{LEFT + length + 6}" y="{y + 14}">{number(value)}</text>']
        y += BAR + GAP
    return parts, y + GAP


def chart(date, measured):
    y, parts = 0, []
    for name, key, title in PANELS:
        values = {server: m[key] for server, m in measured.get(name, {"servers": {}})["servers"].items()}
        if values:
            more, y = panel(title, values, y)
            parts += more
    parts.append(f'<text x="0" y="{y + 14}">Medians, {date}, shorter is better; bench/results says how it was measured.</text>')
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 22}" width="{WIDTH}" role="img">',
                      "<title>What cvpulse-notifier costs beside other servers</title>", f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"
