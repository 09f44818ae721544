// What the server sends and what a page sees. The server's frames are described in schema/events.schema.json.

export type CvStatus = 'queued' | 'processing' | 'retrying' | 'completed' | 'failed' | 'cancelled';
export type BatchStatus = 'open' | 'processing' | 'completed' | 'completed_with_errors' | 'cancelled';

/** One JSON object from the server. Types and fields that are not known must be passed over. */
export interface Frame {
	readonly type: string;
	readonly [field: string]: unknown;
}

export interface CvProgress extends Frame {
	readonly type: 'cv_progress';
	readonly cv_id: string;
	readonly status: CvStatus;
	readonly progress: number;
	readonly id?: string;
	readonly ts?: string;
	readonly user_id?: string;
	readonly batch_id?: string;
	readonly filename?: string;
	readonly stage?: string;
	readonly attempt?: number;
	readonly message?: string;
	readonly eta_ms?: number;
	readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
	readonly result_url?: string;
	readonly result?: Readonly<Record<string, unknown>>;
}

export interface BatchProgress extends Frame {
	readonly type: 'batch_progress';
	readonly batch_id: string;
	readonly status: BatchStatus;
	readonly progress: number;
	readonly id?: string;
	readonly ts?: string;
	readonly user_id?: string;
	readonly total?: number;
	readonly queued?: number;
	readonly processing?: number;
	readonly completed?: number;
	readonly failed?: number;
	readonly cancelled?: number;
	readonly eta_ms?: number;
}

/**
 * connecting: nothing came yet. catching-up: connected, and given what was missed. live: every event comes at once.
 * polling: events come every few seconds. reconnecting: cut, and trying. offline: the device has no network, or close() was
 * called. signed-out: the server, or getToken, said no; nothing is tried any more.
 */
export type ConnectionState = 'connecting' | 'catching-up' | 'live' | 'polling' | 'reconnecting' | 'offline' | 'signed-out';

/** The ways to the server, best first. */
export type Transport = 'websocket' | 'sse' | 'poll';

/** Why a connection ended: a code of docs/close-codes.md; 1006 when it just broke. */
export interface End {
	readonly code: number;
	readonly reason: string;
	/** How long the server wants us to wait. */
	readonly retryAfterMs?: number;
	/** Nothing at all came through, in a time in which something should have. */
	readonly mute?: boolean;
}

/** What there is to say of a connection. */
export interface Status {
	readonly connection: ConnectionState;
	/** How the server is reached now. */
	readonly transport: Transport;
	/** Why the last connection ended, while there is no other. */
	readonly problem: End | undefined;
}

/** A new object after each change; the maps in it are always the current ones, their frames are replaced, never altered. */
export interface State extends Status {
	readonly batches: ReadonlyMap<string, BatchProgress>;
	readonly cvs: ReadonlyMap<string, CvProgress>;
	/** The id of the newest event. */
	readonly lastId: string;
}

export interface Events {
	/** A CV is new or has moved. */
	cv: CvProgress;
	batch: BatchProgress;
	/** Ids of batches and CVs that the server no longer knows, or that are too many to keep. */
	removed: readonly string[];
	/** Each event, also of types that are not known here. */
	event: Frame;
	/** The connection's state is another one. */
	connection: ConnectionState;
	/** Something of the state is new: once for many events that come together. */
	change: State;
}

/** How long things take, in milliseconds. The defaults are meant to stay; tests shorten them. */
export interface Times {
	/** Between two pings on a WebSocket. */
	pingMs: number;
	/** A WebSocket is dead when nothing came this long after a ping. */
	pongMs: number;
	/** A stream is dead when nothing came this long: the server sends a comment every 15 s. */
	silentMs: number;
	/** A transport from which nothing came this long after it was begun does not get through. */
	muteMs: number;
	/** The first wait before a new attempt; it doubles up to the longest one, and a random part of it is taken. */
	retryMs: number;
	retryMaxMs: number;
	/** After this long a connection counts as good, and waits begin from the first one again. */
	goodMs: number;
	/** Before a better transport is tried again; doubles up to the longest one. */
	climbMs: number;
	climbMaxMs: number;
	/** How long a poll lets the server wait for an event. */
	pollMs: number;
	/** At least this long from one poll's begin to the next one's. */
	pollGapMs: number;
}

/** What a WebSocket must be able to do: the browser's can, and so can `ws` for Node. */
export interface WebSocketLike {
	readonly readyState: number;
	onopen: ((event: never) => void) | null;
	onmessage: ((event: never) => void) | null;
	onclose: ((event: never) => void) | null;
	onerror: ((event: never) => void) | null;
	send(text: string): void;
	close(code?: number): void;
}
export type WebSocketClass = new (url: string) => WebSocketLike;
