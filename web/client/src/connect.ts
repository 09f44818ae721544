// connect(): one user's batches and CVs as state that follows the server.
import { Ladder, type Memory } from './ladder.js';
import type { Received } from './frame.js';
import { openPoll } from './poll.js';
import { openSse } from './sse.js';
import { Store } from './store.js';
import { call } from './call.js';
import { isHidden, isOffline, watchPage } from './page.js';
import { canShare, Tabs } from './tabs.js';
import { defaultTimes } from './times.js';
import { tokens, type TokenWishes } from './tokens.js';
import type { Open, Way } from './transport.js';
import type { Events, State, Status, Times, Transport, WebSocketClass } from './types.js';
import { openWebSocket } from './websocket.js';

export interface ConnectOptions extends TokenWishes {
	userId: string;
	/** Where the API is; a path, or a whole address for another host. Default: /api/v1/cv-processing. */
	baseUrl?: string;
	/** Which transports may be used. Default: all. */
	transports?: readonly Transport[];
	/** One connection for all tabs of this user, where the browser can. Default: true. */
	shareTabs?: boolean;
	/** Needed where there is none, such as `ws` in Node before 22. */
	WebSocket?: WebSocketClass;
	fetch?: typeof fetch;
	times?: Partial<Times>;
}

export interface Connection {
	readonly state: State;
	/** Calls back until the function that is returned is called. */
	on<K extends keyof Events>(event: K, callback: (value: Events[K]) => void): () => void;
	/** The same as on('change', …), for useSyncExternalStore and its like. */
	subscribe(callback: () => void): () => void;
	/** Tries at once; also the way back from signed-out. */
	reconnect(): void;
	close(): void;
}

const openers: readonly (readonly [Transport, Open])[] = [['websocket', openWebSocket], ['sse', openSse], ['poll', openPoll]];
const CHANGE_MS = 16;
const LEADER_ANSWERS_MS = 3000;

const MEMORY_KEY = 'cvpulse-transport';

// Private windows and sandboxed frames may forbid storage; then nothing is remembered.
const memory: Memory = {
	get() {
		try {
			return localStorage.getItem(MEMORY_KEY);
		} catch {
			return null;
		}
	},
	set(transport) {
		try {
			localStorage.setItem(MEMORY_KEY, transport);
		} catch {
			// see above
		}
	},
};

export function connect(options: ConnectOptions): Connection {
	const times: Times = { ...defaultTimes, ...options.times };
	const baseUrl = new URL(options.baseUrl ?? '/api/v1/cv-processing', globalThis.location?.href).href.replace(/\/+$/, '');
	const listeners = new Set<readonly [event: keyof Events, callback: (value: never) => void]>();
	let status: Status = { connection: 'connecting', transport: 'websocket', problem: undefined };
	let state: State | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let isClosed = false;

	const emit = <K extends keyof Events>(event: K, value: Events[K]): void => {
		for (const listener of [...listeners]) {
			if (listener[0] === event && listeners.has(listener)) call(listener[1] as (value: Events[K]) => void, value);
		}
	};
	const current = (): State =>
		(state ??= { ...status, batches: store.batches, cvs: store.cvs, lastId: store.lastId });
	const changed = (): void => {
		state = undefined;
		if (isClosed) return;
		timer ??= setTimeout(() => {
			timer = undefined;
			emit('change', current());
		}, CHANGE_MS);
	};
	const store = new Store(emit);
	const apply = (frames: readonly Received[]): void => {
		for (const frame of frames) store.apply(frame);
		changed();
	};
	const say = (now: Status): void => {
		const before = status.connection;
		status = now;
		changed();
		if (now.connection !== before) emit('connection', now.connection);
	};

	const way: Way = {
		baseUrl,
		userId: options.userId,
		lastId: () => store.lastId,
		token: tokens(options, times.pongMs),
		WebSocket: options.WebSocket ?? globalThis.WebSocket,
		fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
		isHidden,
		times,
	};
	const ladder = new Ladder({
		...way,
		rungs: openers
			.filter(([transport]) => options.transports?.includes(transport) ?? true)
			.map(([transport, open]) => [transport, (told) => open(way, told)]),
		memory,
		isOffline,
		onFrame(received) {
			tabs.tell([received]);
			apply([received]);
		},
		onStatus(now) {
			say(now);
			tabs.tellStatus();
		},
	});
	const tabs = new Tabs({
		share: options.shareTabs !== false && canShare(),
		name: `cvpulse ${baseUrl} ${options.userId}`,
		pingMs: times.pingMs,
		answerMs: LEADER_ANSWERS_MS,
		isHidden,
		ladder,
		onFrames: apply,
		onStatus: say,
		whole: () => store.whole(),
		status: () => status,
	});
	const unwatch = watchPage(tabs);
	const on: Connection['on'] = (event, callback) => {
		const listener = [event, callback] as const;
		listeners.add(listener);
		return () => listeners.delete(listener);
	};
	tabs.start();

	return {
		get state() {
			return current();
		},
		on,
		subscribe: (callback) => on('change', callback),
		reconnect() {
			if (!isClosed) tabs.restart();
		},
		close() {
			if (isClosed) return;
			isClosed = true;
			unwatch();
			tabs.stop();
			say({ ...status, connection: 'offline' });
			clearTimeout(timer);
			emit('change', current());
			listeners.clear();
		},
	};
}
