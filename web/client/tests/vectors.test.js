// The conformance vectors of schema/ that concern a client.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isNewer, parseFrame } from '../dist/frame.js';
import { Store } from '../dist/store.js';
import { address } from '../dist/transport.js';

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../schema/vectors/${name}.json`, import.meta.url), 'utf8')).vectors;

for (const { name, texts, expect } of vectors('client')) {
	test(name, () => {
		const events = [];
		const removed = [];
		let id;
		const store = new Store((event, value) => {
			if (event === 'event') events.push(id);
			if (event === 'removed') removed.push(...value);
		});
		for (const text of texts) {
			const received = parseFrame(text);
			id = received?.[1];
			if (received) store.apply(received);
		}
		const progress = (map) => Object.fromEntries([...map].map(([key, frame]) => [key, frame.progress]));
		assert.deepEqual(events, expect.events);
		assert.deepEqual(progress(store.cvs), expect.cvs);
		assert.deepEqual(progress(store.batches), expect.batches ?? {});
		assert.deepEqual(removed, expect.removed ?? []);
		assert.equal(store.lastId, expect.last_id);
		const copy = new Store(() => {});
		for (const received of store.whole()) copy.apply(received);
		const isWhole = store.lastId ? 1 : 0;
		assert.deepEqual([copy.cvs.size, copy.batches.size, copy.lastId], [store.cvs.size * isWhole, store.batches.size * isWhole, store.lastId]);
	});
}

// What a notifier does not forward never comes here; what it does forward is read the same way.
for (const { name, frame, expect } of vectors('frames').filter((vector) => vector.expect.accepted)) {
	test(`read alike: ${name}`, () => {
		const [parsed, id] = parseFrame(frame);
		assert.equal(id !== '', expect.ours);
		if (expect.id) assert.equal(id, expect.id);
		for (const field of ['type', 'cv_id', 'batch_id', 'status']) {
			if (expect[field]) assert.equal(parsed[field], expect[field]);
		}
	});
}

for (const { path, valid, id } of vectors('ids')) {
	if (!valid) continue;
	test(`an id in an address: ${path.slice(0, 20)}`, () => {
		const { pathname } = address({ baseUrl: 'http://host/api', userId: id }, 'ws', {});
		assert.equal(decodeURIComponent(pathname), `/api/ws/${id}`);
	});
}

test('an id is not newer than itself', () => {
	assert.equal(isNewer('5-1', '5-1'), false);
	assert.equal(isNewer('5-2', '5-1'), true);
	assert.equal(isNewer('10-0', '9-9'), true);
});
