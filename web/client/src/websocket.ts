// The first transport: WebSocket.
import { parseFrame } from './frame.js';
import { Socket } from './socket.js';
import { address, checkMs, endOf, type Link, type Open, type Told, type Way } from './transport.js';

/** The same address with ws: or wss:. */
export function webSocketAddress(url: URL): string {
	url.protocol = url.protocol.replace('http', 'ws');
	return url.href;
}

/** A WebSocket at an address that may have to be asked for. */
export function openAt(
	url: () => Promise<string>,
	{ WebSocket, times }: Pick<Way, 'WebSocket' | 'times'>,
	onOpen: (socket: Socket) => void,
	told: Told,
): Link & { send(text: string): void } {
	let over = false;
	let socket: Socket | undefined;

	const begin = (url: string): void => {
		if (over) return;
		const opened = new Socket({
			url,
			WebSocket,
			pingMs: times.pingMs,
			pongMs: times.pongMs,
			openMs: times.muteMs,
			onOpen: () => onOpen(opened),
			onText(text) {
				told.onOpen();
				const received = parseFrame(text);
				if (received) told.onFrame(received);
			},
			onEnd: (end) => told.onEnd(end),
		});
		socket = opened;
	};
	url()
		.then(begin)
		.catch((thrown: unknown) => over || told.onEnd(endOf(thrown)));
	return {
		send: (text) => socket?.send(text),
		check: () => socket?.check(checkMs(times)),
		close() {
			over = true;
			socket?.close();
		},
	};
}

// The token goes in the first message: addresses reach logs, and a browser's WebSocket has no headers.
const signIn = (token: string): string => JSON.stringify({ type: 'auth', token });

export const openWebSocket: Open = (way, told) => {
	let token: string | undefined;
	const link = openAt(
		async () => {
			const lastId = way.lastId();
			token = await way.token();
			return webSocketAddress(address(way, 'ws', { after_id: lastId, snapshot: lastId ? '' : '1', auth: token ? 'message' : '' }));
		},
		way,
		(socket) => {
			if (token) socket.send(signIn(token));
			// An open WebSocket through which nothing passes is as good as none.
			socket.check(way.times.muteMs);
		},
		told,
	);
	return { ...link, renew: (token) => link.send(signIn(token)) };
};
