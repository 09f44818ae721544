"""What a Python team would write: FastAPI, uvicorn, redis-py, one subscription for each user. Arguments: PORT REDIS_SOCKET."""
import asyncio
import resource
import sys

import redis.asyncio
import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
users = {}  # channel -> set of sockets
events = None


async def forward():
    async for message in events.listen():
        if message["type"] == "message":
            for socket in list(users.get(message["channel"], ())):
                await socket.send_text(message["data"])


@app.on_event("startup")
async def start():
    global events
    events = redis.asyncio.Redis(unix_socket_path=sys.argv[2], decode_responses=True).pubsub()
    await events.subscribe("nobody")  # listen() ends when there is no subscription
    app.state.forward = asyncio.create_task(forward())


@app.websocket("/api/v1/cv-processing/ws/{user}")
async def follow(socket: WebSocket, user: str):
    channel = f"user:{user}:events"
    await socket.accept()
    users.setdefault(channel, set()).add(socket)
    await events.subscribe(channel)
    try:
        while True:
            await socket.receive_text()
            await socket.send_text('{"type": "pong"}')
    except WebSocketDisconnect:
        users[channel].discard(socket)
        if not users[channel]:
            del users[channel]
            await events.unsubscribe(channel)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", backlog=4096, ws_ping_interval=None)
