// What a page knows of a user's batches and CVs: for each, its newest frame. Frames may come twice, over two transports at
// once, and a snapshot may be older than what came live: the ids decide, never the order of arrival.
import { asId, isFrame, isNewer, type Received } from './frame.js';
import type { BatchProgress, CvProgress, Events, Frame } from './types.js';

export type Tell = <K extends keyof Events>(event: K, value: Events[K]) => void;

// As many batches and as many CVs are kept, as in a snapshot. The ones that came first go first.
const MOST = 10_000;

const list = (value: unknown): readonly Frame[] => (Array.isArray(value) ? value.filter(isFrame) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Store {
	readonly cvs = new Map<string, CvProgress>();
	readonly batches = new Map<string, BatchProgress>();
	lastId = '';
	// Of the frames that are kept; what a foreign frame calls its id is none.
	#ids = new WeakMap<Frame, string>();
	// After a resync: what the new snapshot has not named yet.
	#stale: Set<Frame> | undefined;
	#tell: Tell;

	constructor(tell: Tell) {
		this.#tell = tell;
	}

	apply([frame, id]: Received): void {
		if (frame.type === 'resync') {
			this.#stale = new Set<Frame>([...this.batches.values(), ...this.cvs.values()]);
		} else if (frame.type === 'snapshot') {
			this.#snapshot(frame);
		} else if (frame.type === 'resumed') {
			this.#stale = undefined;
			this.#seen(asId(frame.last_id));
		} else if (!id || isNewer(id, this.lastId)) {
			this.#seen(id);
			this.#keep(frame, id);
			this.#tell('event', frame);
		}
	}

	/** All that is known, as the frames that would tell it to somebody else; none while there is no whole to tell. */
	whole(): Received[] {
		if (!this.lastId) return [];
		const state = { last_id: this.lastId, batches: [...this.batches.values()], cvs: [...this.cvs.values()], more: false };
		return [[{ type: 'resync' }, ''], [{ type: 'snapshot', ...state }, '']];
	}

	// The newest comes first in a snapshot; told oldest first, a page that puts new ones on top is in order.
	#snapshot({ batches, cvs, more, last_id }: Frame): void {
		for (const frame of [...list(cvs), ...list(batches)].reverse()) this.#keep(frame, asId(frame.prev) && asId(frame.id));
		if (more) return;
		if (this.#stale) {
			this.#remove(this.#stale);
			this.lastId = '';
			this.#stale = undefined;
		}
		this.#seen(asId(last_id));
	}

	// Where a frame is kept, and as what; '' when it is of no kind that is kept.
	#place(frame: Frame): readonly [kept: Map<string, Frame>, key: string] {
		if (frame.type === 'cv_progress') return [this.cvs, text(frame.cv_id)];
		return [this.batches, frame.type === 'batch_progress' ? text(frame.batch_id) : ''];
	}

	#keep(frame: Frame, id: string): void {
		const [kept, key] = this.#place(frame);
		if (!key) return;
		const known = kept.get(key);
		const knownId = known && this.#ids.get(known);
		// What the server said after a resync holds, even when it is older (its data came back from a backup).
		const isStale = known && this.#stale?.delete(known);
		if (isStale ? id && id === knownId : !isNewer(id, knownId)) return;
		this.#ids.set(frame, id || (knownId ?? ''));
		kept.set(key, frame);
		if (frame.type === 'cv_progress') this.#tell('cv', frame as CvProgress);
		else this.#tell('batch', frame as BatchProgress);
		const [first] = kept.values();
		if (first && kept.size > MOST) this.#remove([first]);
	}

	#remove(frames: Iterable<Frame>): void {
		const keys: string[] = [];
		for (const frame of frames) {
			const [kept, key] = this.#place(frame);
			kept.delete(key);
			keys.push(key);
		}
		if (keys.length) this.#tell('removed', keys);
	}

	#seen(id: string): void {
		if (id && isNewer(id, this.lastId)) this.lastId = id;
	}
}
