// ReconnectingWebSocket: a WebSocket that comes back, for pages that want nothing else.
import { Backoff, broken, closeCodes } from './closing.js';
import { parseFrame } from './frame.js';
import { isHidden, isOffline, watchPage } from './page.js';
import { Socket } from './socket.js';
import type { ConnectionState, End, Frame, WebSocketClass } from './types.js';

export interface ReconnectingWebSocketOptions {
	/** A relative one becomes ws:// or wss:// from the page. A function is asked before each attempt, say for a new ticket. */
	url: string | (() => string | Promise<string>);
	/** Gets parsed JSON; pongs and heartbeats are kept from it. */
	onMessage?: (message: Frame) => void;
	onConnect?: () => void;
	/** Called when an open connection has ended, or when it is given up: then willReconnect is false. */
	onDisconnect?: (end: End & { willReconnect: boolean }) => void;
	/** The first wait, in milliseconds; it doubles up to 30 s, and a random part of it is taken. */
	reconnectInterval?: number;
	/** Between two pings, in milliseconds. */
	heartbeatInterval?: number;
	/** Needed where there is none, such as `ws` in Node before 22. */
	WebSocket?: WebSocketClass;
}

const RETRY_MAX_MS = 30_000;
const GOOD_MS = 10_000;
const PONG_MS = 10_000;
const CHECK_MS = 5000;

export class ReconnectingWebSocket {
	#options: ReconnectingWebSocketOptions;
	#socket: Socket | undefined;
	#state: ConnectionState = 'connecting';
	#lastId = '';
	#isUp = false;
	#isClosed = false;
	// Counted up when what the one before may still bring is not wanted.
	#attempt = 0;
	#refusals = 0;
	#wait: Backoff;
	#retry: ReturnType<typeof setTimeout> | undefined;
	#good: ReturnType<typeof setTimeout> | undefined;
	#unwatch: () => void;

	constructor(options: ReconnectingWebSocketOptions) {
		this.#options = options;
		const firstMs = options.reconnectInterval ?? 3000;
		this.#wait = new Backoff(firstMs, Math.max(firstMs, RETRY_MAX_MS));
		this.#unwatch = watchPage({
			shown: () => this.#wake(),
			networkLost: () => this.#socket?.check(CHECK_MS),
			asleep: () => this.#drop(),
			awake: () => this.#wake(),
		});
		void this.#open();
	}

	get state(): ConnectionState {
		return this.#state;
	}

	/** Sends text when it is open; else nothing is sent, and false is returned. */
	send(data: string | object): boolean {
		if (!this.#socket?.isOpen) return false;
		this.#socket.send(typeof data === 'string' ? data : JSON.stringify(data));
		return true;
	}

	close(): void {
		this.#unwatch();
		this.#drop();
		this.#isClosed = true;
		this.#state = 'offline';
	}

	async #open(): Promise<void> {
		const { url, WebSocket = globalThis.WebSocket, heartbeatInterval = 30_000 } = this.#options;
		const attempt = ++this.#attempt;
		try {
			const address = this.#address(typeof url === 'string' ? url : await url());
			if (attempt !== this.#attempt) return;
			this.#socket = new Socket({
				url: address,
				WebSocket,
				pingMs: heartbeatInterval,
				pongMs: PONG_MS,
				openMs: PONG_MS,
				onOpen: () => this.#opened(),
				onText: (text) => this.#received(text),
				onEnd: (end) => this.#ended(end),
			});
		} catch (thrown) {
			if (attempt === this.#attempt) this.#ended(broken(String(thrown)));
		}
	}

	#address(url: string): string {
		const address = new URL(url, globalThis.location?.href);
		address.protocol = address.protocol.replace('http', 'ws');
		if (this.#lastId) address.searchParams.set('after_id', this.#lastId);
		return address.href;
	}

	#opened(): void {
		this.#isUp = true;
		this.#state = this.#lastId ? 'catching-up' : 'live';
		this.#good = setTimeout(() => {
			this.#wait.reset();
			this.#refusals = 0;
		}, GOOD_MS);
		this.#options.onConnect?.();
	}

	#received(text: string): void {
		const [frame, id] = parseFrame(text) ?? [];
		if (!frame || frame.type === 'pong' || frame.type === 'heartbeat') return;
		if (frame.type === 'resumed' || (frame.type === 'snapshot' && !frame.more)) {
			this.#state = 'live';
			this.#lastId = String(frame.last_id);
		}
		if (id) this.#lastId = id;
		this.#options.onMessage?.(frame);
	}

	#ended(end: End): void {
		const rule = closeCodes[end.code];
		const willReconnect = rule !== 'no' && !(rule === 'new_token' && ++this.#refusals > 1);
		const wasUp = this.#isUp;
		this.#drop();
		this.#isClosed = !willReconnect;
		if (!willReconnect) this.#state = 'signed-out';
		else if (rule !== 'when_visible' || !isHidden()) this.#later(end.retryAfterMs ?? this.#wait.nextMs());
		if (wasUp || !willReconnect) this.#options.onDisconnect?.({ ...end, willReconnect });
	}

	#later(waitMs: number): void {
		this.#retry = setTimeout(() => void this.#open(), waitMs);
	}

	// The page or the network is back.
	#wake(): void {
		if (this.#isClosed) return;
		if (this.#socket) {
			this.#socket.check(CHECK_MS);
			return;
		}
		clearTimeout(this.#retry);
		void this.#open();
	}

	#drop(): void {
		this.#attempt++;
		clearTimeout(this.#retry);
		clearTimeout(this.#good);
		this.#socket?.close();
		this.#socket = undefined;
		this.#isUp = false;
		if (this.#state !== 'connecting') this.#state = isOffline() ? 'offline' : 'reconnecting';
	}
}
