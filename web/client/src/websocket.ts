// The first transport: WebSocket.
import { parseFrame } from './frame.js';
import { Socket } from './socket.js';
import { address, checkMs, endOf, type Open } from './transport.js';

export const openWebSocket: Open = (way, told) => {
	const { times } = way;
	let over = false;
	let socket: Socket | undefined;

	// The token goes in the first message: addresses reach logs, and a browser's WebSocket has no headers.
	const begin = (token: string | undefined): void => {
		if (over) return;
		const lastId = way.lastId();
		const opened = new Socket({
			url: address(way, 'ws', { after_id: lastId, snapshot: lastId ? '' : '1', auth: token ? 'message' : '' }),
			WebSocket: way.WebSocket,
			pingMs: times.pingMs,
			pongMs: times.pongMs,
			openMs: times.muteMs,
			onOpen() {
				if (token) renew(token);
				// An open WebSocket through which nothing passes is as good as none.
				opened.check(times.muteMs);
			},
			onText(text) {
				const received = parseFrame(text);
				told.onOpen();
				if (received) told.onFrame(received);
			},
			onEnd: (end) => told.onEnd(end),
		});
		socket = opened;
	};
	const renew = (token: string): void => socket?.send(JSON.stringify({ type: 'auth', token }));

	way.token().then(begin).catch((thrown: unknown) => over || told.onEnd(endOf(thrown)));
	return {
		renew,
		check: () => socket?.check(checkMs(times)),
		close() {
			over = true;
			socket?.close();
		},
	};
};
