// ReconnectingWebSocket: a WebSocket that comes back, for pages that want nothing else.
import { call } from './call.js';
import { asId } from './frame.js';
import { Ladder } from './ladder.js';
import { isHidden, isOffline, watchPage } from './page.js';
import { defaultTimes } from './times.js';
import type { Link, Told } from './transport.js';
import type { ConnectionState, End, Frame, Times, WebSocketClass } from './types.js';
import { openSocket, type SocketLink, webSocketAddress } from './websocket.js';

export interface ReconnectingWebSocketOptions {
	/** A relative one becomes ws:// or wss:// from the page. A function is asked before each attempt, say for a new ticket. */
	url: string | (() => string | Promise<string>);
	/** Gets parsed JSON; pongs and heartbeats are kept from it. */
	onMessage?: (message: Frame) => void;
	onConnect?: () => void;
	/** Called when an open connection has ended, for whatever reason, or when it is given up: then willReconnect is false. */
	onDisconnect?: (end: End & { willReconnect: boolean }) => void;
	/** The first wait, in milliseconds; it doubles up to 30 s, and a random part of it is taken. */
	reconnectInterval?: number;
	/** Between two pings, in milliseconds. */
	heartbeatInterval?: number;
	/** Needed where there is none, such as `ws` in Node before 22. */
	WebSocket?: WebSocketClass;
}

export class ReconnectingWebSocket {
	#options: ReconnectingWebSocketOptions;
	#times: Times;
	#ladder: Ladder;
	#link: SocketLink | undefined;
	#state: ConnectionState = 'connecting';
	#lastId = '';
	#isClosed = false;
	#unwatch: () => void;

	constructor(options: ReconnectingWebSocketOptions) {
		const { reconnectInterval: retryMs = 3000, heartbeatInterval: pingMs = defaultTimes.pingMs } = options;
		this.#options = options;
		// A wrong address is told at once.
		if (typeof options.url === 'string') this.#address(options.url);
		this.#times = { ...defaultTimes, pingMs, retryMs, retryMaxMs: Math.max(retryMs, defaultTimes.retryMaxMs) };
		const ladder = new Ladder({
			rungs: [['websocket', (told) => this.#open(told)]],
			lastId: () => this.#lastId,
			// The address says who we are; a new one is asked for each time.
			token: async () => undefined,
			isHidden,
			isOffline,
			times: this.#times,
			onFrame: ([frame, id]) => {
				if (id) this.#lastId = id;
				else if (frame.type === 'resumed' || (frame.type === 'snapshot' && !frame.more)) this.#lastId = asId(frame.last_id);
				call(options.onMessage, frame);
			},
			onStatus: ({ connection }) => {
				this.#state = connection;
			},
		});
		this.#ladder = ladder;
		this.#unwatch = watchPage(ladder);
		ladder.start();
	}

	get state(): ConnectionState {
		return this.#state;
	}

	/** Sends text, and of anything else its JSON. False: it is not open, and nothing was sent. */
	send(data: string | object): boolean {
		return this.#link?.send(typeof data === 'string' ? data : JSON.stringify(data)) ?? false;
	}

	close(): void {
		this.#isClosed = true;
		this.#unwatch();
		this.#ladder.stop();
		this.#state = 'offline';
	}

	#open(told: Told): Link {
		const { url, onConnect, onDisconnect } = this.#options;
		let isOpen = false;
		const ended = (end: End, willReconnect: boolean): void => {
			if (isOpen || !willReconnect) call(onDisconnect, { ...end, willReconnect });
			isOpen = false;
		};
		const link = openSocket(
			async () => this.#address(typeof url === 'string' ? url : await url()),
			{ WebSocket: this.#options.WebSocket ?? globalThis.WebSocket, times: this.#times },
			() => {
				isOpen = true;
				// Nothing is to be caught up with before the first event.
				if (!this.#lastId) told.onUp();
				call(onConnect, undefined);
			},
			{
				...told,
				onEnd: (end) => {
					told.onEnd(end);
					ended(end, this.#state !== 'signed-out');
				},
			},
		);
		this.#link = link;
		const close = (): void => {
			link.close();
			// No network, a page put aside, or nobody wants it any more.
			if (isOpen) ended({ code: 1000, reason: 'closed' }, !this.#isClosed);
		};
		return { ...link, close };
	}

	#address(url: string): string {
		const address = new URL(url, globalThis.location?.href);
		if (this.#lastId) address.searchParams.set('after_id', this.#lastId);
		return webSocketAddress(address);
	}
}
