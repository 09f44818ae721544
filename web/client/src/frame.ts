// Reading frames, and the order of their ids.
import type { Frame } from './types.js';

const OURS = /^\{"id":"(\d+-\d+)","prev":"\d+-\d+"/;

/** A frame and its id; '' when it is a foreign one, which has no place in the history. */
export type Received = readonly [frame: Frame, id: string];

/** The frame of a text message; undefined when it is no JSON object. */
export function parseFrame(text: string): Received | undefined {
	try {
		const frame: unknown = JSON.parse(text);
		if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) return undefined;
		return [frame as Frame, OURS.exec(text)?.[1] ?? ''];
	} catch {
		return undefined;
	}
}

/** Whether id comes after another. Ids are "<ms>-<n>"; what has none is live, so it counts as newest. */
export function isNewer(id: string | undefined, than: string | undefined): boolean {
	if (!id || !than) return true;
	const [a = 0, b = 0] = id.split('-').map(Number);
	const [c = 0, d = 0] = than.split('-').map(Number);
	return a > c || (a === c && b > d);
}
