// The blocks of a server-sent stream, however it is cut on its way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocks } from '../dist/sse.js';

const STREAM = ': connected\n\nid: 5-0\nevent: cv_progress\ndata: {"a":1,\ndata: "b":"x: y"}\n\nretry: 500\n\nevent: close\ndata: {}\n\n';
const EXPECTED = [{ '': 'connected' }, { id: '5-0', event: 'cv_progress', data: '{"a":1,\n"b":"x: y"}' }, { retry: '500' }, { event: 'close', data: '{}' }];

test('a stream may be cut anywhere', () => {
	for (let size = 1; size <= STREAM.length; size++) {
		const got = [];
		const take = blocks((fields) => got.push({ ...fields }));
		for (let at = 0; at < STREAM.length; at += size) take(STREAM.slice(at, at + size));
		assert.deepEqual(got, EXPECTED);
	}
});

test('what is not ended by an empty line is not there yet', () => {
	const got = [];
	blocks((fields) => got.push(fields))('data: {}\n');
	assert.deepEqual(got, []);
});
