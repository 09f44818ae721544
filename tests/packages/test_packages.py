"""The Debian packages as README.Debian says: installed, two values edited, started, upgraded under traffic, removed, purged. Each
test begins where the one before it ended."""
import collections
import json
import re

import redis

from box import DAEMONS
from harness import ROOT, SAMPLES, ended, wait_until
from traffic import Uploader, Watcher

# What apt, dpkg and the system's own programs keep.
OTHERS = re.compile(r"/(proc|sys|dev|run|tmp|root|debs|newer|cvs)\b|/var/(cache|log/(apt|journal|dpkg|alternatives|nginx/(access|error))|lib/(dpkg|apt|systemd|redis|nginx))|"
                    r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/nginx/sites-enabled|/var/(log|lib|backups)$|/etc/(\.pwd\.lock|ld\.so\.cache)$")


def files(box):
    return {path for path in box.run("find / -xdev").split("\n") if not OTHERS.match(path)}


def install(folder):
    return f"apt-get install -q -y --no-install-recommends /{folder}/*.deb"


def doctor_is_green(box):
    said = box.run("cvpulse token doctor >/root/token; cvpulse doctor --quick --publish --token-file /root/token http://127.0.0.1")
    assert "\n0 faults" in said, said
    print(said)


def test_on_a_bare_system_they_install_and_start_nothing(box):
    box.before = files(box)
    box.run(install("debs"))
    assert box.run("systemctl list-units --plain --no-legend 'cvpulse*'") == ""
    assert box.run("stat -c '%a %U' /etc/cvpulse/jwt_secret /var/lib/cvpulse /var/backups/cvpulse").split("\n") == ["600 root", "700 cvpulse", "700 cvpulse"]
    assert re.fullmatch("[0-9a-f]{64}", (box.root / "etc/cvpulse/jwt_secret").read_text())


def test_two_values_and_a_start_and_doctor_is_green(box):
    box.edit("etc/cvpulse/cvpulse.conf", ("127.0.0.1:6379/0", "127.0.0.1:6379/1"),
             (";allowed_origins = https://cv.example.com", "allowed_origins = http://127.0.0.1"))
    box.run("systemctl enable -q --now redis-server cvpulse.target")
    for unit in DAEMONS:
        box.wait_state(unit, "active")
    box.open_site()
    doctor_is_green(box)


def test_the_packages_own_test_passes(box):
    box.copy_in([ROOT / "debian" / "tests" / "doctor"], "tmp")
    assert "\n0 faults" in box.run("sh /tmp/doctor")


def test_cvs_of_every_kind_are_uploaded_and_complete(box):
    box.copy_in(SAMPLES, "cvs")
    shared = ROOT.parent / "shared" / "samples"
    box.copy_in([f for kind in ("doc", "odt", "rtf", "png") for f in sorted(shared.rglob(f"*.{kind}"))[:1] if "bad" not in f.parts], "cvs")
    said = box.run("cvpulse token anna >/root/token; cvpulse submit --wait --token-file /root/token /cvs/*")
    assert said.count("completed  [") == len(box.run("ls /cvs").split()) and "failed" not in said


def states(db, uploader):
    """How many of the accepted CVs stand where, as Redis says."""
    frames = {}
    for batch in db.zrange(f"user:{uploader.user}:batches", 0, -1):
        frames.update(db.hgetall(f"user:{uploader.user}:batch:{batch}:cvs"))
    return collections.Counter(json.loads(frames.get(cv_id, '{"status": "unknown"}'))["status"] for cv_id in uploader.accepted)


def test_an_upgrade_under_traffic_loses_nothing(box):
    db = redis.Redis(db=1, decode_responses=True)
    before = [box.show(unit, "MainPID") for unit in DAEMONS]
    watchers = [Watcher(box, f"u{i}") for i in range(40)]
    uploaders = [Uploader(box, f"u{i}") for i in range(4)]

    def each_uploads_more(count):
        goals = [(u, len(u.accepted) + count) for u in uploaders]
        wait_until(lambda: all(len(u.accepted) >= goal for u, goal in goals), 60, lambda: str([(u.refused, u.accepted) for u in uploaders]))
    each_uploads_more(3)
    said = box.run(install("newer"))
    assert all(box.show(unit, "MainPID") not in before + ["0"] for unit in DAEMONS), said
    each_uploads_more(3)
    for u in uploaders:
        u.end()
    wait_until(lambda: all(set(u.accepted) <= ended(w.frames) for u, w in zip(uploaders, watchers)), 60,
               lambda: f"not every accepted CV has ended: {[(states(db, u), [c['type'] for c in w.controls]) for u, w in zip(uploaders, watchers)]}")
    for w in watchers:
        w.end()
    assert not [w.refused for w in watchers if w.refused] and not [u.refused for u in uploaders if u.refused]
    assert all(w.connections >= 2 for w in watchers), "they were not all connected while the notifier was restarted"
    for u, w in zip(uploaders, watchers):
        assert {f["status"] for f in w.frames if f.get("cv_id") in u.accepted and f["cv_id"] in ended([f])} == {"completed"}
        kept = [id for id, _ in db.xrange(f"user:{w.user}:history")]
        assert w.ids[-len(kept):] == kept and len(set(w.ids)) == len(w.ids)
    print(f"{sum(len(u.accepted) for u in uploaders)} CVs, {sum(u.repeated for u in uploaders)} requests repeated, "
          f"{sum(w.connections for w in watchers)} connections of {len(watchers)} people, {sum(len(w.ids) for w in watchers)} events")


def test_a_removal_keeps_configuration_and_files(box):
    box.run("apt-get remove -q -y 'cvpulse*'")
    assert box.run("systemctl list-units --plain --no-legend --state=active 'cvpulse*'") == ""
    assert box.run("find /var/lib/cvpulse/spool -type f | wc -l") != "0"
    box.run(install("newer") + "; systemctl start cvpulse.target")
    for unit in DAEMONS:
        box.wait_state(unit, "active")
    doctor_is_green(box)


def test_a_purge_leaves_nothing(box):
    box.run("systemctl enable -q --now cvpulse-notifier@2 cvpulse-worker@2")
    box.run("apt-get purge -q -y 'cvpulse*'")
    assert files(box) - box.before == set()
    assert box.run("find / -xdev -iname '*cvpulse*' -not -path '/debs/*' -not -path '/newer/*' -not -path '/proc/*'") == ""
    assert box.run("getent passwd cvpulse; getent group cvpulse", None) == ""
    assert box.run("systemctl list-units --all --plain --no-legend 'cvpulse*'") == ""
    assert box.run("systemctl restart nginx; systemctl is-active nginx") == "active"
