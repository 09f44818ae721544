// What the three transports have in common: what they are given, what they tell, and their requests by HTTP.
import { BROKEN, broken } from './closing.js';
import type { Received } from './frame.js';
import type { End, Times, WebSocketClass } from './types.js';

/** Where to connect, as whom, and from where to go on. */
export interface Way {
	baseUrl: string;
	userId: string;
	/** The last id that was seen; '' asks for a snapshot. */
	lastId(): string;
	/** The token that is good now; a new one when renew is true. Undefined: there are no tokens. */
	token(renew?: boolean): Promise<string | undefined>;
	WebSocket: WebSocketClass;
	fetch: typeof fetch;
	isHidden(): boolean;
	times: Times;
}

export interface Told {
	/** The first sign of life. */
	onOpen(): void;
	/** Everything that was missed has been told. */
	onUp(): void;
	onFrame(received: Received): void;
	/** Once, and not after close(). */
	onEnd(end: End): void;
}

/** A connection by one transport. */
export interface Link {
	close(): void;
	/** The page came back to life: make sure that the connection has, too. */
	check(): void;
	/** A new token, for a connection that can take one. */
	renew?(token: string): unknown;
}

export type Open = (way: Way, told: Told) => Link;

const CHECK_MS = 5000;
/** When the page came back, less patience than in between. */
export const checkMs = (times: Times): number => Math.min(times.pongMs, CHECK_MS);

/** The address of a path below the base, with the parameters that are not empty. */
export function address(way: Way, kind: 'ws' | 'events', query: Record<string, string>): URL {
	const url = new URL(`${way.baseUrl}/${kind}/${encodeURIComponent(way.userId)}`);
	for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
	return url;
}

const CODES: Readonly<Record<number, number>> = { 400: 4400, 401: 4401, 403: 4403, 409: 4409, 410: 4410, 429: 4429 };

const typeOf = (answer: Response): string => answer.headers.get('Content-Type') ?? '';

// Only the server's own words count as its verdict: a proxy that forbids something knows nothing of our user.
async function refusal(answer: Response): Promise<End> {
	const own = typeOf(answer).startsWith('application/problem+json');
	await answer.body?.cancel();
	return {
		code: (own && CODES[answer.status]) || BROKEN,
		reason: `HTTP ${answer.status}`,
		// It may also be a date; then the usual wait is enough.
		retryAfterMs: Number(answer.headers.get('Retry-After')) * 1000 || 0,
	};
}

/** GET; what is no good answer is thrown as an End. */
export async function get(way: Way, url: URL, accept: string, signal: AbortSignal, renew = false): Promise<Response> {
	const token = await way.token(renew);
	const headers: Record<string, string> = { Accept: accept };
	if (token) headers.Authorization = `Bearer ${token}`;
	const answer = await way.fetch(url, { headers, signal, cache: 'no-store', credentials: 'include' });
	if (!answer.ok) throw await refusal(answer);
	// A hotel's own page says 200, too.
	if (!typeOf(answer).startsWith(accept)) throw broken('not ours');
	return answer;
}

/** What was thrown, as the End that it is or means. */
export const endOf = (thrown: unknown): End => ((thrown as End | null)?.reason === undefined ? broken(String(thrown)) : (thrown as End));
