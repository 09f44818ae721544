// The first transport: WebSocket. Pings show whether it is alive.
import { broken, ended } from './closing.js';
import { parseFrame } from './frame.js';
import { address, checkMs, endOf, type Link, type Open, type Told, type Way } from './transport.js';
import type { End, WebSocketLike } from './types.js';

export interface SocketLink extends Link {
	/** False: it is not open, and nothing was sent. */
	send(text: string): boolean;
}

/** The same address with ws: or wss:. */
export function webSocketAddress(url: URL): string {
	url.protocol = url.protocol.replace('http', 'ws');
	return url.href;
}

/** A WebSocket at an address that may have to be asked for. */
export function openSocket(url: () => Promise<string>, way: Pick<Way, 'WebSocket' | 'times'>, onOpen: () => void, told: Told): SocketLink {
	const { times } = way;
	let socket: WebSocketLike | undefined;
	let isOver = false;
	let hasSpoken = false;
	let pings: ReturnType<typeof setInterval>;
	let deadline: ReturnType<typeof setTimeout> | undefined;

	const expect = (withinMs: number, otherwise: End = broken('no answer', !hasSpoken)): void => {
		deadline ??= setTimeout(() => end(otherwise), withinMs);
	};
	const heard = (): void => {
		clearTimeout(deadline);
		deadline = undefined;
	};
	const send = (text: string): boolean => {
		const isOpen = !isOver && socket?.readyState === 1;
		if (isOpen) socket?.send(text);
		return isOpen;
	};
	const ping = (withinMs: number): void => {
		if (send('ping')) expect(withinMs);
	};
	// A dead connection does not answer a close either: it is left, not waited for.
	const close = (): void => {
		isOver = true;
		clearInterval(pings);
		heard();
		socket?.close(1000);
	};
	const end = (why: End): void => {
		if (isOver) return;
		close();
		told.onEnd(why);
	};
	const begin = (url: string): void => {
		if (isOver) return;
		heard();
		socket = new way.WebSocket(url);
		expect(times.muteMs);
		socket.onopen = () => {
			if (isOver) return;
			heard();
			pings = setInterval(() => ping(times.pongMs), times.pingMs);
			onOpen();
		};
		socket.onmessage = ({ data }: { data: unknown }) => {
			if (isOver) return;
			hasSpoken = true;
			heard();
			told.onOpen();
			const received = parseFrame(String(data));
			if (received) told.onFrame(received);
		};
		// The close event follows and says more.
		socket.onerror = () => {};
		socket.onclose = ({ code, reason }: { code: number; reason: string }) => end(ended(code, reason));
	};

	expect(times.pongMs, { code: 1013, reason: 'no token' });
	url()
		.then(begin)
		.catch((thrown: unknown) => end(endOf(thrown)));
	return { close, send, check: () => ping(checkMs(times)) };
}

// The token goes in the first message: addresses reach logs, and a browser's WebSocket has no headers.
const signIn = (token: string): string => JSON.stringify({ type: 'auth', token });

export const openWebSocket: Open = (way, told) => {
	let token: string | undefined;
	const link = openSocket(
		async () => {
			token = await way.token();
			const lastId = way.lastId();
			return webSocketAddress(address(way, 'ws', { after_id: lastId, snapshot: lastId ? '' : '1', auth: token ? 'message' : '' }));
		},
		way,
		() => {
			if (token) link.send(signIn(token));
			// An open WebSocket through which nothing passes is as good as none.
			link.check();
		},
		told,
	);
	return { ...link, renew: (token) => link.send(signIn(token)) };
};
