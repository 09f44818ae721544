// Reading frames, and the order of their ids.
import type { Frame } from './types.js';

const OURS = /^\{"id":"(\d{1,20}-\d{1,20})","prev":"\d+-\d+"/;

/** A frame and its id; '' when it is a foreign one, which has no place in the history. */
export type Received = readonly [frame: Frame, id: string];

export const isFrame = (value: unknown): value is Frame => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The frame of a text message; undefined when it is no JSON object. */
export function parseFrame(text: string): Received | undefined {
	try {
		const frame: unknown = JSON.parse(text);
		return isFrame(frame) ? [frame, OURS.exec(text)?.[1] ?? ''] : undefined;
	} catch {
		return undefined;
	}
}

/** An id as it stands in a frame of ours; '' when it is none. */
export const asId = (id: unknown): string => (typeof id === 'string' && /^\d{1,20}-\d{1,20}$/.test(id) ? id : '');

// Of any 64 bits; as numbers they would lose the last digits.
const order = (id: string): string =>
	id
		.split('-')
		.map((part) => part.padStart(20, '0'))
		.join('-');

/** Whether id comes after another. Ids are "<ms>-<n>"; what has none is live, so it counts as newest. */
export const isNewer = (id: string | undefined, than: string | undefined): boolean => !id || !than || order(id) > order(than);
