"""A second worker beside a stack's own, and each of them asked by name."""
from harness import BASE, Process, settings, unix_get
from test_kills import Connection


def ready(stack, name="worker"):
    return unix_get(stack.folder / f"{name}.sock", "/health/ready")[0] == 200


def other_worker(stack, name="other", **worker):
    """As the stack's, with sockets of its own and what `worker` says otherwise."""
    argv = stack.worker.argv + settings(worker={"listen": f"unix:{stack.folder}/{name}.sock", "admin_listen": f"unix:{stack.folder}/{name}-admin.sock", **worker})
    process = Process(name, argv, stack.folder, lambda: ready(stack, name))
    stack.processes.append(process)
    return process.start()


def ask(stack, name, method, target, body=b"", **headers):
    connection = Connection(stack.folder / f"{name}.sock")
    connection.request(method, f"{BASE}{target}?user_id=anna", body, {k.replace("_", "-"): str(v) for k, v in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body
