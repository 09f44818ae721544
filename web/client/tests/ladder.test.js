// Which transport is tried when, with transports that do what a test says and a clock that it moves.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { broken, ended } from '../dist/closing.js';
import { Ladder } from '../dist/ladder.js';
import { defaultTimes } from '../dist/times.js';

const real = { setTimeout, clearTimeout, random: Math.random };
let clock;

// Waits are whole, not random.
beforeEach(() => {
	clock = { now: 0, timers: [] };
	globalThis.setTimeout = (callback, ms) => {
		const timer = { at: clock.now + ms, callback };
		clock.timers.push(timer);
		return timer;
	};
	globalThis.clearTimeout = (timer) => { clock.timers = clock.timers.filter((other) => other !== timer); };
	Math.random = () => 1;
});
afterEach(() => {
	Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
	Math.random = real.random;
});

function pass(ms) {
	const until = clock.now + ms;
	for (;;) {
		const [next] = clock.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
		if (!next) break;
		clearTimeout(next);
		clock.now = next.at;
		next.callback();
	}
	clock.now = until;
}

// Each opened link is { transport, told }; the last one is links.at(-1).
function ladder(wishes = {}) {
	const links = [];
	const said = [];
	const page = { hidden: false, offline: false, lastId: '' };
	const rung = (transport) => [transport, (told) => {
		const link = { transport, told, closed: false, close: () => { link.closed = true; }, check: () => { link.checked = true; } };
		links.push(link);
		return link;
	}];
	const made = new Ladder({
		rungs: ['websocket', 'sse', 'poll'].map(rung),
		lastId: () => page.lastId,
		token: async () => undefined,
		isHidden: () => page.hidden,
		isOffline: () => page.offline,
		times: defaultTimes,
		onFrame: () => { page.lastId = '1-0'; },
		onStatus: (status) => said.push(status),
		...wishes,
	});
	const up = (link) => link.told.onFrame([{ type: 'resumed', last_id: '1-0' }, '']);
	return { made, links, page, up, state: () => said.at(-1).connection, problem: () => said.at(-1).problem, opened: () => links.map((link) => link.transport) };
}

test('a transport that fails twice is left for the next', () => {
	const { made, links, opened, up, state } = ladder();
	made.start();
	links[0].told.onEnd(broken(''));
	assert.deepEqual(opened(), ['websocket']);
	pass(1000);
	links[1].told.onEnd(broken(''));
	assert.deepEqual(opened(), ['websocket', 'websocket', 'sse']);
	up(links[2]);
	assert.equal(state(), 'live');
});

test('what comes through is found, and what is dead is noticed, in time', () => {
	assert.ok(2 * defaultTimes.muteMs < 20_000);
	assert.ok(defaultTimes.pingMs + defaultTimes.pongMs <= 45_000);
	assert.ok(defaultTimes.silentMs <= 45_000);
});

test('a transport that is mute is left at once', () => {
	const { made, links, opened, up, state } = ladder();
	made.start();
	links[0].told.onEnd(broken('', true));
	links[1].told.onEnd(broken('', true));
	assert.deepEqual(opened(), ['websocket', 'sse', 'poll']);
	up(links[2]);
	assert.equal(state(), 'polling');
});

test('after the last transport the first one is tried again, later', () => {
	const { made, links, opened } = ladder();
	made.start();
	for (let i = 0; i < 3; i++) links[i].told.onEnd(broken('', true));
	assert.equal(links.length, 3);
	pass(1000);
	assert.equal(opened()[3], 'websocket');
});

test('a hidden page does not step down to polling', () => {
	const { made, links, page, opened } = ladder();
	page.hidden = true;
	made.start();
	links[0].told.onEnd(broken('', true));
	links[1].told.onEnd(broken('', true));
	pass(1000);
	assert.deepEqual(opened(), ['websocket', 'sse', 'websocket']);
});

test('a better transport takes over without a break', () => {
	const { made, links, up, state } = ladder();
	made.start();
	links[0].told.onEnd(broken('', true));
	up(links[1]);
	pass(defaultTimes.climbMs);
	assert.equal(links[2].transport, 'websocket');
	assert.equal(links[1].closed, false);
	up(links[2]);
	assert.equal(links[1].closed, true);
	assert.equal(state(), 'live');
	pass(defaultTimes.climbMaxMs);
	assert.equal(links.length, 3);
});

test('what does not get through is tried less and less often', () => {
	const { made, links, up, opened } = ladder();
	made.start();
	for (let i = 0; i < 2; i++) links[i].told.onEnd(broken('', true));
	up(links[2]);
	const tried = [];
	for (let i = 3; i < 7; i++) {
		const before = clock.now;
		while (links.length <= i) pass(100);
		tried.push(clock.now - before);
		links[i].told.onEnd(broken('', true));
	}
	assert.deepEqual(opened().slice(3), ['websocket', 'sse', 'websocket', 'sse']);
	assert.deepEqual(tried, [2000, 2000, 4000, 4000]);
});

test('what took over from polling is not tried beside itself', () => {
	const { made, links, up } = ladder();
	made.start();
	for (let i = 0; i < 2; i++) links[i].told.onEnd(broken('', true));
	up(links[2]);
	pass(2000);
	links[3].told.onEnd(broken('', true));
	pass(2000);
	up(links[4]);
	pass(4000);
	assert.equal(links[5].transport, 'websocket');
});

test('a restart is waited for at least as long as the server says', () => {
	const { made, links, up } = ladder();
	made.start();
	up(links[0]);
	links[0].told.onEnd(ended(1012, 'restart retry_after_ms=7500'));
	pass(8499);
	assert.equal(links.length, 1);
	pass(1);
	assert.equal(links.length, 2);
});

for (const word of ['', 'retry_after_ms=0', `retry_after_ms=${'9'.repeat(400)}`]) {
	test(`restarts without end are no reason to hurry, nor to wait for ever: "${word.slice(0, 20)}"`, () => {
		const { made, links, up } = ladder();
		made.start();
		for (let i = 0; i < 6; i++) {
			up(links.at(-1));
			links.at(-1).told.onEnd(ended(1012, word));
			pass(defaultTimes.retryMs - 1);
			assert.equal(links.length, i + 1);
			pass(defaultTimes.climbMaxMs);
			assert.equal(links.length, i + 2);
		}
	});
}

test('waits double up to the longest and begin anew after a good connection', () => {
	const { made, links, up } = ladder();
	made.start();
	for (const wait of [1000, 2000, 4000, 8000, 16000, 30000, 30000]) {
		links.at(-1).told.onEnd(ended(1013, ''));
		const before = links.length;
		pass(wait - 1);
		assert.equal(links.length, before);
		pass(1);
		assert.equal(links.length, before + 1);
	}
	up(links.at(-1));
	pass(defaultTimes.goodMs);
	links.at(-1).told.onEnd(ended(1013, ''));
	const before = links.length;
	pass(1000);
	assert.equal(links.length, before + 1);
});

for (const code of [1009, 4400, 4403, 4410]) {
	test(`${code} is final`, () => {
		const { made, links, up, state, problem } = ladder();
		made.start();
		up(links[0]);
		links[0].told.onEnd(ended(code, ''));
		pass(600_000);
		made.wake();
		assert.equal(links.length, 1);
		assert.equal(state(), 'signed-out');
		assert.equal(problem().code, code);
		made.restart();
		assert.equal(links.length, 2);
	});
}

test('a refused token is replaced once', () => {
	const renewed = [];
	const { made, links, state } = ladder({ token: async (renew) => { renewed.push(renew); } });
	made.start();
	links[0].told.onEnd(ended(4401, ''));
	assert.equal(links.length, 2);
	assert.deepEqual(renewed, [true]);
	links[1].told.onEnd(ended(4401, ''));
	assert.equal(state(), 'signed-out');
});

test('a server that takes each new token and then refuses it is not asked for ever', () => {
	let renewed = 0;
	const { made, links, up, state } = ladder({ token: async () => { renewed++; } });
	made.start();
	for (let i = 0; i < 2; i++) {
		up(links[i]);
		links[i].told.onEnd(ended(4401, ''));
	}
	assert.equal(state(), 'signed-out');
	assert.equal(renewed, 1);
});

test('a better transport that is refused with the old token does not cost the new one its chance', () => {
	const renewed = [];
	const { made, links, up, state } = ladder({ token: async (renew) => { renewed.push(renew); } });
	made.start();
	links[0].told.onEnd(broken('', true));
	up(links[1]);
	pass(defaultTimes.climbMs);
	links[1].told.onEnd(ended(4401, ''));
	links[2].told.onEnd(ended(4401, ''));
	up(links[3]);
	assert.deepEqual([state(), renewed], ['live', [true]]);
});

test('a stream whose token expires is replaced, though a better transport is just being tried', async () => {
	const { made, links, up, state } = ladder({ token: async () => 'new' });
	made.start();
	links[0].told.onEnd(broken('', true));
	up(links[1]);
	pass(defaultTimes.climbMs);
	links[1].told.onFrame([{ type: 'token_expiring', expires_in: 60 }, '']);
	await new Promise(setImmediate);
	assert.deepEqual(links.map(({ transport, closed }) => [transport, closed]),
		[['websocket', false], ['sse', false], ['websocket', true], ['sse', false]]);
	up(links[3]);
	assert.deepEqual([links[1].closed, state()], [true, 'live']);
	pass(defaultTimes.climbMs);
	assert.equal(links[4].transport, 'websocket');
});

test('what is cut whenever it takes over is tried less and less often', () => {
	const { made, links, up } = ladder();
	made.start();
	links[0].told.onEnd(broken('', true));
	up(links[1]);
	const waits = [];
	while (waits.length < 4) {
		const before = clock.now;
		const known = links.length;
		while (links.length === known) pass(100);
		waits.push(clock.now - before);
		up(links.at(-1));
		links.at(-1).told.onEnd(broken('', true));
		up(links.at(-1));
	}
	assert.deepEqual(waits, [2000, 4000, 8000, 16000]);
});

test('who was replaced comes back when the page is looked at', () => {
	const { made, links, up, page, state } = ladder();
	made.start();
	up(links[0]);
	page.hidden = true;
	links[0].told.onEnd(ended(4409, ''));
	pass(600_000);
	assert.equal(links.length, 1);
	assert.equal(state(), 'reconnecting');
	page.hidden = false;
	made.wake();
	assert.equal(links.length, 2);
});

test('a page that wakes up does not wait', () => {
	const { made, links, up } = ladder();
	made.start();
	made.wake();
	assert.equal(links[0].checked, true);
	up(links[0]);
	links[0].told.onEnd(broken(''));
	made.wake();
	assert.equal(links.length, 2);
	pass(30_000);
	assert.equal(links.length, 2);
});

test('without network the state says so, and no transport is blamed', () => {
	const { made, links, up, page, state, opened } = ladder();
	made.start();
	up(links[0]);
	page.offline = true;
	made.networkLost();
	assert.equal(state(), 'offline');
	for (let i = 1; i < 5; i++) {
		pass(30_000);
		links[i].told.onEnd(broken('', true));
	}
	assert.deepEqual(new Set(opened()), new Set(['websocket']));
	page.offline = false;
	made.wake();
	up(links.at(-1));
	assert.equal(state(), 'live');
});

test('what worked before is tried first', () => {
	const stored = [];
	const { made, links, up } = ladder({ memory: { get: () => 'sse', set: (transport) => stored.push(transport) } });
	made.start();
	assert.equal(links[0].transport, 'sse');
	up(links[0]);
	assert.deepEqual(stored, ['sse']);
});

test('stopped, nothing happens any more', () => {
	const { made, links, up } = ladder();
	made.start();
	links[0].told.onEnd(broken('', true));
	up(links[1]);
	made.stop();
	assert.equal(links[1].closed, true);
	assert.deepEqual(clock.timers, []);
});

test('stopped by whom a frame is told to, nothing happens any more', () => {
	let told = 0;
	const { made, links, up } = ladder({ onFrame: () => { told++; made.stop(); } });
	made.start();
	up(links[0]);
	up(links[0]);
	assert.equal(told, 1);
	assert.equal(links[0].closed, true);
	assert.deepEqual(clock.timers, []);
});

test('a token that comes after the end of its connection goes nowhere', async () => {
	let give;
	const { made, links, up } = ladder({ token: () => new Promise((resolve) => { give = resolve; }) });
	made.start();
	up(links[0]);
	links[0].renew = () => assert.fail('renewed after the end');
	links[0].told.onFrame([{ type: 'token_expiring', expires_in: 60 }, '']);
	made.stop();
	give('new');
	await new Promise(setImmediate);
	assert.deepEqual(clock.timers, []);
});
