// Where everything in the long list stands, and what of it is in sight. Heights are known beforehand, so that thousands of
// rows cost no more than those that are seen. The style sheet gets the same numbers (see list.tsx).
import type { Batch, Group, Row } from './board';

export interface Heights {
	/** A batch's header with its bar. */
	readonly head: number;
	readonly row: number;
	/** A row with a sentence that a person must be able to read whole. */
	readonly tall: number;
	/** Below the last row of a batch, inside its frame. */
	readonly foot: number;
	/** Between batches. */
	readonly gap: number;
}

export const WIDE: Heights = { head: 92, row: 70, tall: 90, foot: 8, gap: 16 };
export const NARROW: Heights = { head: 132, row: 96, tall: 152, foot: 8, gap: 12 };

export interface Wish {
	readonly group: Group | 'all';
	/** Part of a file's or a person's name, in lower case. */
	readonly name: string;
}

export interface Section {
	readonly batch: Batch;
	readonly rows: readonly Row[];
	readonly top: number;
	readonly height: number;
	/** Of each row, from the section's top; one more for the end of the last. */
	readonly tops: readonly number[];
}

/** A list of up to so many rows is drawn whole: the browser's own search then finds everything. */
const WHOLE = 200;
const MARGIN_PX = 600;

function fits(row: Row, wish: Wish): boolean {
	if (wish.group !== 'all' && row.group !== wish.group) return false;
	return !wish.name || row.name.toLowerCase().includes(wish.name) || row.person.toLowerCase().includes(wish.name);
}

export function place(batches: readonly Batch[], wish: Wish, heights: Heights): Section[] {
	const sections: Section[] = [];
	const isAll = wish.group === 'all' && !wish.name;
	let top = 0;
	for (const batch of batches) {
		const fitting = isAll ? batch.rows : batch.rows.filter((row) => fits(row, wish));
		if (!isAll && !fitting.length) continue;
		const rows = batch.isCollapsed ? [] : fitting;
		const tops = [heights.head];
		let end = heights.head;
		for (const row of rows) tops.push((end += row.group === 'failed' ? heights.tall : heights.row));
		const height = end + (rows.length ? heights.foot : 0);
		sections.push({ batch, rows, top, height, tops });
		top += height + heights.gap;
	}
	return sections;
}

/** The first row whose end lies below y. */
function firstBelow(tops: readonly number[], y: number): number {
	let [low, high] = [0, tops.length - 1];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((tops[middle + 1] ?? Infinity) > y) high = middle;
		else low = middle + 1;
	}
	return low;
}

export interface Seen extends Section {
	readonly first: number;
	readonly end: number;
}

/** What of the sections lies between two heights of the list, and a little more. */
export function inSight(sections: readonly Section[], from: number, to: number): Seen[] {
	const count = sections.reduce((n, s) => n + s.rows.length + 1, 0);
	if (count <= WHOLE) return sections.map((s) => ({ ...s, first: 0, end: s.rows.length }));
	const [low, high] = [from - MARGIN_PX, to + MARGIN_PX];
	return sections
		.filter((s) => s.top + s.height > low && s.top < high)
		.map((s) => ({ ...s, first: firstBelow(s.tops, low - s.top), end: Math.min(s.rows.length, firstBelow(s.tops, high - s.top) + 1) }));
}
