// What a page knows of a user's batches and CVs: for each, its newest frame. Frames may come twice, over two transports at
// once, and a snapshot may be older than what came live: the ids decide, never the order of arrival.
import { isNewer, type Received } from './frame.js';
import type { BatchProgress, CvProgress, Frame } from './types.js';

export interface Changes {
	onCv(cv: CvProgress): void;
	onBatch(batch: BatchProgress): void;
	/** Every frame that is news, of whatever type. */
	onEvent(frame: Frame): void;
	/** The server no longer knows these; told after a resync. */
	onRemoved(ids: readonly string[]): void;
}

const list = (value: unknown): readonly Frame[] => (Array.isArray(value) ? (value as Frame[]) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Store {
	readonly cvs = new Map<string, CvProgress>();
	readonly batches = new Map<string, BatchProgress>();
	lastId = '';
	#ids = new Map<string, string>();
	// After a resync: what the new snapshot has not named yet.
	#stale: Set<string> | undefined;
	#changes: Changes;

	constructor(changes: Changes) {
		this.#changes = changes;
	}

	apply([frame, id]: Received): void {
		if (frame.type === 'resync') {
			this.#stale = new Set([...this.batches.keys(), ...this.cvs.keys()]);
		} else if (frame.type === 'snapshot') {
			this.#snapshot(frame);
		} else if (frame.type === 'resumed') {
			this.#seen(text(frame.last_id));
		} else if (!id || isNewer(id, this.lastId)) {
			this.#seen(id);
			this.#keep(frame, id);
			this.#changes.onEvent(frame);
		}
	}

	/** All that is known, as the frames that would tell it to somebody else. */
	whole(): Received[] {
		const state = { last_id: this.lastId, batches: [...this.batches.values()], cvs: [...this.cvs.values()], more: false };
		return [[{ type: 'resync' }, ''], [{ type: 'snapshot', ...state }, '']];
	}

	// The newest comes first in a snapshot; told oldest first, a page that puts new ones on top is in order.
	#snapshot(snapshot: Frame): void {
		for (const frame of [...list(snapshot.batches)].reverse()) this.#keep(frame, text(frame.prev) && text(frame.id));
		for (const frame of [...list(snapshot.cvs)].reverse()) this.#keep(frame, text(frame.prev) && text(frame.id));
		if (snapshot.more) return;
		if (this.#stale) {
			this.#remove([...this.#stale]);
			this.lastId = '';
			this.#stale = undefined;
		}
		this.#seen(text(snapshot.last_id));
	}

	#keep(frame: Frame, id: string): void {
		const key = frame.type === 'cv_progress' ? text(frame.cv_id) : frame.type === 'batch_progress' ? text(frame.batch_id) : '';
		if (!key) return;
		const known = this.#ids.get(key);
		// What the server said after a resync holds, even when it is older (its data came back from a backup).
		const isStale = this.#stale?.delete(key);
		if (isStale ? id && id === known : !isNewer(id, known)) return;
		this.#ids.set(key, id || (known ?? ''));
		if (frame.type === 'cv_progress') {
			this.cvs.set(key, frame as CvProgress);
			this.#changes.onCv(frame as CvProgress);
		} else {
			this.batches.set(key, frame as BatchProgress);
			this.#changes.onBatch(frame as BatchProgress);
		}
	}

	#remove(keys: readonly string[]): void {
		for (const key of keys) {
			this.#ids.delete(key);
			this.cvs.delete(key);
			this.batches.delete(key);
		}
		if (keys.length) this.#changes.onRemoved(keys);
	}

	#seen(id: string): void {
		if (id && isNewer(id, this.lastId)) this.lastId = id;
	}
}
