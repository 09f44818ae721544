// What a Node team would write: ws, ioredis, one subscription for each user. Usage: node.js PORT REDIS_SOCKET
'use strict';
const http = require('node:http');
const { WebSocketServer } = require('ws');
const Redis = require('ioredis');

const redis = new Redis({ path: process.argv[3] });
const users = new Map(); // channel -> Set of sockets
const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

redis.on('message', (channel, text) => {
  for (const socket of users.get(channel) ?? []) socket.send(text);
});

sockets.on('connection', (socket, request) => {
  const channel = `user:${request.url.split('/').pop()}:events`;
  const subscribed = users.has(channel) ? Promise.resolve() : redis.subscribe(channel);
  if (!users.has(channel)) users.set(channel, new Set());
  users.get(channel).add(socket);
  socket.on('message', async () => {
    await subscribed;
    socket.send('{"type": "pong"}');
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    users.get(channel)?.delete(socket);
    if (users.get(channel)?.size === 0) {
      users.delete(channel);
      redis.unsubscribe(channel);
    }
  });
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
