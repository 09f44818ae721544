// What to do when a connection has ended. The table is the server's, src/close_codes.def; a test holds them together.
import type { End } from './types.js';

export type Reconnects = 'no' | 'yes' | 'after_delay' | 'backoff' | 'new_token' | 'when_visible';

export const closeCodes: Readonly<Record<number, Reconnects>> = {
	1001: 'yes',
	1009: 'no',
	1012: 'after_delay',
	1013: 'backoff',
	4400: 'no',
	4401: 'new_token',
	4403: 'no',
	4408: 'yes',
	4409: 'when_visible',
	4410: 'no',
	4429: 'backoff',
};

export const BROKEN = 1006;

/** The connection just broke, or nothing came through it. */
export const broken = (reason: string, mute = false): End => ({ code: BROKEN, reason, mute });

/** The end that a close frame tells: code, and in the reason sometimes how long to wait. */
export const ended = (code: number, reason: string): End => ({
	code,
	reason,
	retryAfterMs: Number(/retry_after_ms=(\d+)/.exec(reason)?.[1] ?? 0),
});

/** Waits before new attempts: a random part of a time that doubles, so that many clients do not come back at once. */
export function backoff(firstMs: number, longestMs: number) {
	let now = firstMs;
	return {
		nextMs() {
			const wait = Math.random() * now;
			now = Math.min(now * 2, longestMs);
			return wait;
		},
		reset() {
			now = firstMs;
		},
	};
}
