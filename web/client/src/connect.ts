// connect(): one user's batches and CVs as state that follows the server.
import { Ladder, type Memory } from './ladder.js';
import type { Received } from './frame.js';
import { openPoll } from './poll.js';
import { openSse } from './sse.js';
import { Store } from './store.js';
import { call } from './call.js';
import { isHidden, isOffline, watchPage } from './page.js';
import { canShare, type Status, Tabs } from './tabs.js';
import { defaultTimes } from './times.js';
import type { Open, Way } from './transport.js';
import type { BatchProgress, ConnectionState, CvProgress, End, Frame, Times, Transport, WebSocketClass } from './types.js';
import { openWebSocket } from './websocket.js';

export interface ConnectOptions {
	userId: string;
	/** Where the API is; a path, or a whole address for another host. Default: /api/v1/cv-processing. */
	baseUrl?: string;
	/**
	 * A token of the user. Asked before the first connection, and with renew = true when the last token expires or was refused.
	 * Null: there is none any more, the user is signed out. Without getToken the browser's cookies say who it is.
	 */
	getToken?: (wish: { renew: boolean }) => Promise<string | null> | string | null;
	/** Which transports may be used. Default: all. */
	transports?: readonly Transport[];
	/** One connection for all tabs of this user, where the browser can. Default: true. */
	shareTabs?: boolean;
	/** Needed where there is none, such as `ws` in Node before 22. */
	WebSocket?: WebSocketClass;
	fetch?: typeof fetch;
	times?: Partial<Times>;
}

/** A new object after each change; the maps in it are always the current ones, their frames are replaced, never altered. */
export interface State {
	readonly connection: ConnectionState;
	/** How the server is reached now. */
	readonly transport: Transport;
	/** Why the last connection ended, while there is no other. */
	readonly problem: End | undefined;
	readonly batches: ReadonlyMap<string, BatchProgress>;
	readonly cvs: ReadonlyMap<string, CvProgress>;
	/** The id of the newest event. */
	readonly lastId: string;
}

export interface Events {
	/** A CV is new or has moved. */
	cv: CvProgress;
	batch: BatchProgress;
	/** Ids of batches and CVs that the server no longer knows. */
	removed: readonly string[];
	/** Each event, also of types that are not known here. */
	event: Frame;
	/** The connection's state is another one. */
	connection: ConnectionState;
	/** Something of the state is new: once for many events that come together. */
	change: State;
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

// Whoever asks for a token while one is being fetched gets that one.
function tokens(getToken: ConnectOptions['getToken']): (renew?: boolean) => Promise<string | undefined> {
	let token: Promise<string> | undefined;
	let isFetching = false;
	const fetchToken = async (renew: boolean): Promise<string> => {
		isFetching = true;
		try {
			const got = await getToken?.({ renew });
			if (!got) throw { code: 4410, reason: 'no token' } satisfies End;
			return got;
		} catch (thrown) {
			token = undefined;
			throw thrown;
		} finally {
			isFetching = false;
		}
	};
	return async (renew = false) => {
		if (!getToken) return undefined;
		if (!token || (renew && !isFetching)) token = fetchToken(renew);
		return token;
	};
}

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
	const listeners = new Map<keyof Events, Set<(value: never) => void>>();
	let status: Status = { connection: 'connecting', transport: 'websocket' };
	let state: State | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let isClosed = false;

	const emit = <K extends keyof Events>(event: K, value: Events[K]): void => {
		for (const callback of [...(listeners.get(event) ?? [])]) call(callback as (value: Events[K]) => void, value);
	};
	const current = (): State =>
		(state ??= { ...status, problem: status.problem, batches: store.batches, cvs: store.cvs, lastId: store.lastId });
	const changed = (): void => {
		state = undefined;
		timer ??= setTimeout(() => {
			timer = undefined;
			emit('change', current());
		}, CHANGE_MS);
	};
	const store = new Store({
		onCv: (cv) => emit('cv', cv),
		onBatch: (batch) => emit('batch', batch),
		onRemoved: (ids) => emit('removed', ids),
		onEvent: (frame) => emit('event', frame),
	});
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
		token: tokens(options.getToken),
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
			tabs?.tell([received]);
			apply([received]);
		},
		onState(connection, transport, problem) {
			say({ connection, transport, problem });
			tabs?.tellStatus();
		},
	});
	const tabs =
		options.shareTabs !== false && canShare()
			? new Tabs({
					name: `cvpulse ${baseUrl} ${options.userId}`,
					answerMs: LEADER_ANSWERS_MS,
					isHidden,
					onLead: () => ladder.start(),
					onFollow: () => ladder.stop(),
					onFrames: apply,
					onStatus: say,
					whole: () => store.whole(),
					status: () => status,
					wake: () => ladder.wake(),
					restart: () => ladder.restart(),
				})
			: undefined;
	const leads = (): boolean => tabs?.leads ?? true;

	const start = (): void => (tabs ? tabs.start() : ladder.start());
	const stop = (): void => {
		ladder.stop();
		tabs?.stop();
	};
	const unwatch = watchPage({
		shown() {
			if (leads()) ladder.wake();
			else tabs?.wake();
		},
		hidden: () => leads() && tabs?.tellStatus(),
		networkLost: () => leads() && ladder.networkLost(),
		asleep: stop,
		awake: start,
	});
	const on: Connection['on'] = (event, callback) => {
		const callbacks = listeners.get(event) ?? new Set();
		listeners.set(event, callbacks.add(callback));
		return () => callbacks.delete(callback);
	};
	start();

	return {
		get state() {
			return current();
		},
		on,
		subscribe: (callback) => on('change', callback),
		reconnect() {
			if (isClosed) return;
			if (leads()) ladder.restart();
			else tabs?.restart();
		},
		close() {
			isClosed = true;
			unwatch();
			stop();
			say({ ...status, connection: 'offline' });
		},
	};
}
