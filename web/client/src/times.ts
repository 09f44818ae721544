// How long things take.
import type { Times } from './types.js';

export const defaultTimes: Readonly<Times> = {
	pingMs: 30_000,
	pongMs: 10_000,
	silentMs: 35_000,
	muteMs: 7000,
	retryMs: 1000,
	retryMaxMs: 30_000,
	goodMs: 10_000,
	climbMs: 2000,
	climbMaxMs: 300_000,
	pollMs: 4000,
	pollGapMs: 1000,
};
