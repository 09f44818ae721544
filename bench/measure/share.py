"""A part of a core for each process (control groups), so that two cores are enough to see what several would do."""
import contextlib
import os
import pathlib

V1, V2 = pathlib.Path("/sys/fs/cgroup/cpu"), pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 10000


def give(pid, percent):
    """Moves the process to a group of its own. Without the right to do so (or without a cpu controller) it says OSError."""
    top = V1 if (V1 / "cpu.cfs_period_us").exists() or V1.is_dir() else V2
    group = top / f"cvpulse-bench-{pid}"
    group.mkdir()
    quota = PERIOD_US * percent // 100
    if top == V1:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
    (group / "cgroup.procs").write_text(str(pid))
    return group


class Share:
    def __init__(self, server, percent):
        self.server, self.percent, self.groups = server, percent, []

    def start(self, processes, port):
        self.clean()
        children = self.server.start(processes, port)
        for child in children:
            try:
                self.groups.append(give(child.pid, self.percent))
            except OSError as error:
                print(f"bench: no shares of a core here ({error}): look at CPU a frame only", flush=True)
                break
        return children

    def clean(self):
        """Groups of processes that have ended."""
        for group in self.groups:
            with contextlib.suppress(OSError):
                os.rmdir(group)
        self.groups = []
