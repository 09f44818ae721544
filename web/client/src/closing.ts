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
export function ended(code: number, reason: string): End {
	const told = /retry_after_ms=(\d+)/.exec(reason);
	return told ? { code, reason, retryAfterMs: Number(told[1]) } : { code, reason };
}

/** Waits before new attempts: a random part of a time that doubles, so that many clients do not come back at once. */
export class Backoff {
	#now: number;

	constructor(readonly firstMs: number, readonly longestMs: number, readonly random: () => number = Math.random) {
		this.#now = firstMs;
	}

	nextMs(): number {
		const wait = this.random() * this.#now;
		this.#now = Math.min(this.#now * 2, this.longestMs);
		return wait;
	}

	reset(): void {
		this.#now = this.firstMs;
	}
}
