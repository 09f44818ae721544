// What a server, a proxy, another program or a clock may do to a page, and what a page must not do then.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { afterEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, isNewer, ReconnectingWebSocket } from '../dist/index.js';
import { parseFrame } from '../dist/frame.js';
import { blocks } from '../dist/sse.js';
import { Store } from '../dist/store.js';
import { tokens } from '../dist/tokens.js';

const QUICK = { retryMs: 5, retryMaxMs: 20, muteMs: 500, pongMs: 500, pollMs: 50, pollGapMs: 1, climbMs: 60_000, climbMaxMs: 60_000 };
const cv = (id, fields = {}) => ({ id, prev: '0-0', type: 'cv_progress', cv_id: 'c1', status: 'queued', progress: 0, ...fields });
const apply = (store, ...frames) => {
	for (const frame of frames) store.apply(parseFrame(JSON.stringify(frame)));
};
const snapshot = (fields) => ({ type: 'snapshot', last_id: '9-0', batches: [], cvs: [], more: false, ...fields });

async function until(condition) {
	for (let i = 0; !condition(); i++) {
		assert.ok(i < 1000, 'it did not happen in time');
		await pause(5);
	}
}

// --- the store ---

test('ids that name parts of every object are ids like others', () => {
	const store = new Store(() => {});
	const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
	names.forEach((name, n) => apply(store, cv(`${n + 1}-0`, { cv_id: name }), { ...cv(`${n + 1}-1`), type: 'batch_progress', batch_id: name }));
	store.apply(parseFrame('{"type":"cv_progress","cv_id":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'));
	assert.deepEqual([[...store.cvs.keys()], [...store.batches.keys()]], [[...names, 'x'], names]);
	assert.equal({}.polluted, undefined);
});

test('a batch and a CV of the same name are two things', () => {
	const removed = [];
	const store = new Store((event, ids) => event === 'removed' && removed.push(...ids));
	const batch = { ...cv('8-0', { progress: 50 }), type: 'batch_progress', batch_id: 'c1' };
	apply(store, snapshot({ batches: [batch], cvs: [cv('7-0')] }));
	assert.deepEqual([store.batches.get('c1').progress, store.cvs.get('c1').progress], [50, 0]);
	apply(store, { type: 'resync' }, snapshot({ batches: [batch] }));
	assert.deepEqual([store.batches.size, store.cvs.size, removed], [1, 0, ['c1']]);
});

test('what is no frame in a snapshot, or no id, is passed over', () => {
	const store = new Store(() => {});
	apply(store, snapshot({ cvs: [null, 5, 'x', [], {}, cv('zzz', { cv_id: 'c2' }), cv('8-0')], batches: 'none', last_id: { a: 1 } }));
	assert.deepEqual([[...store.cvs.keys()], store.lastId], [['c1', 'c2'], '']);
	apply(store, snapshot({ last_id: 'zzz' }), { type: 'resumed', last_id: `${'9'.repeat(30)}-0` });
	assert.equal(store.lastId, '');
});

test('ids are compared to their last digit', () => {
	assert.equal(isNewer('18446744073709551615-0', '18446744073709551614-0'), true);
	assert.equal(isNewer('1-9007199254740993', '1-9007199254740992'), true);
	assert.equal(isNewer('1-9007199254740992', '1-9007199254740993'), false);
});

test('a page that is never closed forgets what came first', () => {
	const removed = [];
	const store = new Store((event, ids) => event === 'removed' && removed.push(...ids));
	for (let n = 1; n <= 10_005; n++) store.apply([cv(`${n}-0`, { cv_id: `c${n}` }), `${n}-0`]);
	assert.deepEqual([store.cvs.size, removed], [10_000, ['c1', 'c2', 'c3', 'c4', 'c5']]);
});

test('a resync that broke off is over when the server has resumed', () => {
	const store = new Store(() => {});
	apply(store, cv('5-0'), { type: 'resync' }, snapshot({ more: true }), { type: 'resumed', last_id: '5-0' }, cv('4-0'), snapshot({ last_id: '5-0' }));
	assert.deepEqual([store.cvs.get('c1').id, store.lastId], ['5-0', '5-0']);
});

// --- tokens ---

test('a token that never comes is asked for again; the late one does not replace the newer', async () => {
	const answers = [];
	const token = tokens({ getToken: () => new Promise((resolve) => answers.push(resolve)) }, 20);
	void token();
	void token(true);
	assert.equal(answers.length, 0);
	await pause(0);
	assert.equal(answers.length, 1);
	await pause(30);
	const second = token();
	await pause(0);
	answers[1]('new');
	assert.equal(await second, 'new');
	answers[0]('old');
	await pause(0);
	assert.equal(await token(), 'new');
});

test('getToken that fails blames no transport and is no end', async () => {
	const problems = [];
	const isTold = () => problems.includes('getToken: backend away');
	const getToken = () => {
		if (!isTold()) throw { reason: () => {}, toString: () => 'backend away' };
		return 'token';
	};
	const tried = [];
	const fetch = async (url) => {
		tried.push('http');
		throw new TypeError('refused');
	};
	const WebSocket = class { constructor() { tried.push('websocket'); throw new TypeError('refused'); } };
	const cvpulse = connect({ baseUrl: 'http://host/api', userId: '42', getToken, fetch, WebSocket, times: QUICK });
	cvpulse.on('change', ({ problem }) => problems.push(problem?.reason));
	await until(isTold);
	await until(() => tried.length);
	cvpulse.close();
	assert.equal(tried[0], 'websocket');
});

// --- streams, polls and what pretends to be one ---

test('a field of a stream may have any name, and a block ends', () => {
	const got = [];
	const take = blocks((fields) => got.push(fields));
	take('__proto__: x\nconstructor: y\ntoString: z\n\n');
	assert.deepEqual(Object.entries(got[0]), [['__proto__', 'x'], ['constructor', 'y'], ['toString', 'z']]);
	assert.throws(() => { for (let i = 0; i < 20; i++) take('x'.repeat(1 << 20)); }, { reason: 'too long' });
});

let open = [];
afterEach(async () => {
	for (const thing of open) thing.close();
	open = [];
});

// A server that answers each request by what a test says; connect() goes to it.
async function against(answer, options) {
	const asked = [];
	const server = createServer((request, response) => {
		asked.push(performance.now());
		answer(request, response, asked.length);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const cvpulse = connect({ baseUrl: `http://127.0.0.1:${server.address().port}/api`, userId: '42', times: QUICK, ...options });
	open.push(cvpulse, { close: () => { server.close(); server.closeAllConnections(); } });
	return { asked, cvpulse };
}
const json = (response, body) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));

for (const transport of ['sse', 'poll']) {
	test(`a hotel's own page is no ${transport}`, async () => {
		const states = [];
		const { asked, cvpulse } = await against((request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>Welcome</p>\n\n'),
			{ transports: [transport] });
		cvpulse.on('connection', (state) => states.push(state));
		await until(() => asked.length > 2 && cvpulse.state.problem?.reason === 'not ours');
		assert.deepEqual([states, cvpulse.state.connection], [[], 'connecting']);
	});
}

test('a stream that says nonsense about when to come back is no reason to hurry', async (t) => {
	t.mock.method(Math, 'random', () => 1);
	const { asked } = await against((request, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('retry: soon\n\nretry: 1e999\n\n'),
		{ transports: ['sse'], times: { ...QUICK, retryMs: 60_000, retryMaxMs: 60_000 } });
	await until(() => asked.length);
	await pause(100);
	assert.equal(asked.length, 1);
});

test('a clock that is set back does not stop the polling', async () => {
	const { asked } = await against((request, response) => json(response, { events: [], last_id: '1-0', resync: false, snapshot: snapshot() }),
		{ transports: ['poll'] });
	const { now } = Date;
	Date.now = () => now() - 3_600_000;
	try {
		await until(() => asked.length > 5);
	} finally {
		Date.now = now;
	}
});

for (const answer of [null, [], { events: 7 }, { events: [null], last_id: 5 }, { events: [], last_id: '1-0', snapshot: null }, 'x']) {
	test(`a poll answered with ${JSON.stringify(answer)} is survived`, async () => {
		const { asked, cvpulse } = await against((request, response, n) => json(response, n < 3 ? answer : { events: [cv('3-0')], last_id: '3-0', resync: false }),
			{ transports: ['poll'] });
		await until(() => cvpulse.state.cvs.has('c1'));
		assert.ok(asked.length >= 3);
	});
}

// --- after close() ---

test('closed in the midst of what came, it says one last word and leaves nothing running', async () => {
	const said = [];
	const many = Array.from({ length: 50 }, (_, n) => cv(`${n + 1}-0`, { cv_id: `c${n}` }));
	const { asked, cvpulse } = await against((request, response) => json(response, { events: many, last_id: '50-0', resync: false }), { transports: ['poll'] });
	for (const event of ['cv', 'event', 'batch', 'removed', 'connection']) cvpulse.on(event, () => said.push(event));
	cvpulse.on('change', ({ connection }) => said.push(`change: ${connection}`));
	cvpulse.on('cv', () => {
		if (cvpulse.state.cvs.size === 2) cvpulse.close();
	});
	await until(() => said.includes('change: offline'));
	const before = asked.length;
	cvpulse.reconnect();
	cvpulse.close();
	await pause(100);
	assert.deepEqual(said.slice(said.lastIndexOf('cv')), ['cv', 'connection', 'change: offline']);
	assert.equal(said.filter((event) => event === 'cv').length, 2);
	assert.equal(asked.length, before);
});

test('who has unsubscribed is not called, even by what is on its way; the same function may listen twice', async () => {
	const { cvpulse } = await against((request, response) => json(response, { events: [cv('1-0')], last_id: '1-0', resync: false }), { transports: ['poll'] });
	let calls = 0;
	const listener = () => { calls++; };
	const ends = [cvpulse.on('cv', () => ends.forEach((end) => end())), cvpulse.on('cv', listener)];
	cvpulse.on('cv', listener);
	await until(() => calls);
	assert.equal(calls, 1);
});

// --- the drop-in class ---

// A socket whose other end is the test.
class FakeSocket {
	static all = [];
	readyState = 0;
	constructor(url) {
		this.url = url;
		FakeSocket.all.push(this);
	}
	open() {
		this.readyState = 1;
		this.onopen({});
		return this;
	}
	send() {}
	close() { this.readyState = 3; }
	say(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
}

function dropIn(options) {
	FakeSocket.all = [];
	const calls = [];
	const socket = new ReconnectingWebSocket({
		url: 'ws://host/ws/42?snapshot=1', reconnectInterval: 5, WebSocket: FakeSocket,
		onConnect: () => calls.push('connect'), onDisconnect: ({ code, willReconnect }) => calls.push([code, willReconnect]), ...options,
	});
	open.push(socket);
	return { socket, calls, sockets: FakeSocket.all };
}

test('a snapshot that broke off is no place for the drop-in class to resume from, a whole one is', async () => {
	const { sockets } = dropIn();
	await until(() => sockets.length === 1);
	sockets[0].open().say(snapshot({ more: true }));
	sockets[0].onclose({ code: 1006, reason: '' });
	await until(() => sockets.length === 2);
	assert.equal(sockets[1].url, 'ws://host/ws/42?snapshot=1');
	sockets[1].open().say(snapshot());
	sockets[1].onclose({ code: 1006, reason: '' });
	await until(() => sockets.length === 3);
	assert.equal(sockets[2].url, 'ws://host/ws/42?snapshot=1&after_id=9-0');
});

test('each onConnect of the drop-in class has its onDisconnect, also by close(); after it nothing is heard', async () => {
	const messages = [];
	const { socket, calls, sockets } = dropIn({ onMessage: (message) => messages.push(message) });
	await until(() => sockets.length === 1);
	sockets[0].open().say({ type: 'note' });
	socket.close();
	socket.close();
	sockets[0].say({ type: 'note' });
	sockets[0].onclose({ code: 1000, reason: '' });
	await pause(30);
	assert.deepEqual([calls, messages.length, sockets.length, socket.state], [['connect', [1000, false]], 1, 1, 'offline']);
});

test('closed while its address is asked for, the drop-in class opens nothing', async () => {
	let give;
	const { socket, sockets } = dropIn({ url: () => new Promise((resolve) => { give = resolve; }) });
	await pause(0);
	socket.close();
	give('ws://host/late');
	await pause(10);
	assert.equal(sockets.length, 0);
});

test('a wrong address is told at once', () => {
	assert.throws(() => new ReconnectingWebSocket({ url: 'no address', WebSocket: FakeSocket }), TypeError);
});
