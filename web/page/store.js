// What this page knows of a user's batches and CVs: for each, the frame with the highest id. Events may come twice and a
// snapshot may be older than what came live; the ids decide, never the order of arrival.

// Ids are "<ms>-<n>"; a frame without one (somebody's plain PUBLISH) counts as newest.
export function isNewer(id, than) {
	if (!id || !than) return true;
	const [a, b] = id.split('-').map(Number);
	const [c, d] = than.split('-').map(Number);
	return a > c || (a === c && b > d);
}

export class Store {
	cvs = new Map();
	batches = new Map();
	lastId = '';

	constructor({ onCv, onBatch }) {
		this.onCv = onCv;
		this.onBatch = onBatch;
	}

	apply(frame) {
		if (frame.type === 'snapshot') {
			// The newest comes first in a snapshot; told oldest first, a page that puts new ones on top is in order.
			for (const batch of [...(frame.batches ?? [])].reverse()) this.#keep(this.batches, batch.batch_id, batch, this.onBatch);
			for (const cv of frame.cvs ?? []) this.#keep(this.cvs, cv.cv_id, cv, this.onCv);
			this.#seen(frame.last_id);
		} else if (frame.type === 'resumed') {
			this.#seen(frame.last_id);
		} else if (frame.type === 'cv_progress' && frame.cv_id) {
			this.#keep(this.cvs, frame.cv_id, frame, this.onCv);
			this.#seen(frame.id);
		} else if (frame.type === 'batch_progress' && frame.batch_id) {
			this.#keep(this.batches, frame.batch_id, frame, this.onBatch);
			this.#seen(frame.id);
		}
	}

	#keep(map, key, frame, changed) {
		const known = map.get(key);
		if (known && !isNewer(frame.id, known.id)) return;
		map.set(key, frame);
		changed(frame);
	}

	#seen(id) {
		if (id && isNewer(id, this.lastId)) this.lastId = id;
	}
}
