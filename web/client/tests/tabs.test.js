// Who of several tabs leads, with tabs that hang, die and come back: locks and channels as the platform describes them, a clock
// that the test moves.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Tabs } from '../dist/tabs.js';

const real = { setTimeout, clearTimeout, BroadcastChannel };
const PING_MS = 30_000;
const ANSWER_MS = 3000;
let clock;
let channels;
let holder;
let waiting;

// One lock; whoever steals it makes its holder's request fail.
const locks = {
	request(name, { steal, signal }, callback) {
		return new Promise((resolve, reject) => {
			const request = { callback, resolve, reject };
			signal?.addEventListener('abort', () => {
				waiting = waiting.filter((other) => other !== request);
				reject(signal.reason);
			});
			if (steal) {
				holder?.reject(new DOMException('stolen', 'AbortError'));
				holder = undefined;
				waiting.unshift(request);
			} else {
				waiting.push(request);
			}
			queueMicrotask(grant);
		});
	},
};
function grant() {
	if (holder || !waiting.length) return;
	const mine = waiting.shift();
	holder = mine;
	Promise.resolve(mine.callback({})).then(() => {
		mine.resolve();
		if (holder !== mine) return;
		holder = undefined;
		grant();
	});
}

class Channel {
	constructor() { channels.push(this); }
	postMessage(data) {
		if (this.mute) return;
		for (const other of channels) if (other !== this) queueMicrotask(() => channels.includes(other) && !other.deaf && other.onmessage({ data: structuredClone(data) }));
	}
	close() { channels = channels.filter((other) => other !== this); }
}

beforeEach(() => {
	[clock, channels, holder, waiting] = [{ now: 0, timers: [] }, [], undefined, []];
	Object.defineProperty(globalThis.navigator ?? Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true }).navigator, 'locks',
		{ value: locks, configurable: true });
	globalThis.BroadcastChannel = Channel;
	globalThis.setTimeout = (callback, ms) => {
		const timer = { at: clock.now + ms, callback };
		clock.timers.push(timer);
		return timer;
	};
	globalThis.clearTimeout = (timer) => { clock.timers = clock.timers.filter((other) => other !== timer); };
});
afterEach(() => Object.assign(globalThis, real));

const settle = () => new Promise(setImmediate);

async function pass(ms) {
	const until = clock.now + ms;
	for (;;) {
		await settle();
		const [next] = clock.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
		if (!next) break;
		clearTimeout(next);
		clock.now = next.at;
		next.callback();
	}
	clock.now = until;
}

// A tab: what its connection was told is in `told`, whether it is connected in `connected`.
async function tab(wishes = {}) {
	const made = { told: [], frames: [], hidden: false, connected: false, status: { connection: 'live', transport: 'websocket' } };
	const ladder = {
		start: () => { made.connected = true; },
		stop: () => { made.connected = false; },
		wake: () => made.told.push('wake'),
		restart: () => made.told.push('restart'),
		networkLost: () => made.told.push('networkLost'),
	};
	made.tabs = new Tabs({
		share: true, name: 'cvpulse', pingMs: PING_MS, answerMs: ANSWER_MS, ladder, isHidden: () => made.hidden,
		onFrames: (frames) => made.frames.push(...frames), onStatus: (status) => { made.heard = status; },
		whole: () => [[{ type: 'snapshot' }, '']], status: () => made.status, ...wishes,
	});
	made.tabs.start();
	made.channel = channels.at(-1);
	await settle();
	return made;
}
const leaders = (...tabs) => tabs.map(({ connected }) => Number(connected)).join('');
// As in an endless loop, or behind an alert(): it hears nothing and says nothing, and holds its lock.
const hang = ({ channel }) => Object.assign(channel, { mute: true, deaf: true });

test('the first leads, the others are told all that it knows', async () => {
	const [a, b, c] = [await tab(), await tab(), await tab()];
	assert.equal(leaders(a, b, c), '100');
	assert.deepEqual([b.frames[0], c.heard], [[{ type: 'snapshot' }, ''], a.status]);
	a.tabs.tell([[{ type: 'note' }, '']]);
	await settle();
	assert.deepEqual(c.frames.at(-1), [{ type: 'note' }, '']);
	c.tabs.restart();
	b.tabs.wake();
	b.tabs.networkLost();
	await settle();
	assert.deepEqual(a.told, ['restart', 'wake']);
});

test('a leader that dies or is put aside is followed by the next, and follows when it comes back', async () => {
	const [a, b] = [await tab(), await tab()];
	a.tabs.stop();
	await settle();
	assert.equal(leaders(a, b), '01');
	a.tabs.start();
	await settle();
	assert.equal(leaders(a, b), '01');
	assert.deepEqual(a.heard, b.status);
	b.tabs.stop();
	await settle();
	assert.equal(leaders(a, b), '10');
});

test('a leader that hangs is noticed by a tab that is looked at, though it asks for nothing', async () => {
	const [a, b, c] = [await tab(), await tab(), await tab()];
	c.hidden = true;
	await pass(5 * PING_MS);
	assert.equal(leaders(a, b, c), '100');
	hang(a);
	await pass(PING_MS + ANSWER_MS);
	// The platform has taken the lock from it; it will know when it moves again.
	assert.equal(leaders(b, c), '10');
	assert.equal(a.connected, false);
});

test('tabs that are hidden do not ask, and do not take over', async () => {
	const [a, b] = [await tab(), await tab()];
	b.hidden = true;
	hang(a);
	await pass(10 * PING_MS);
	assert.equal(leaders(a, b), '10');
	assert.deepEqual(clock.timers, []);
	b.hidden = false;
	b.tabs.wake();
	await pass(ANSWER_MS);
	assert.equal(leaders(a, b), '01');
});

test('of two that steal at once one leads in the end', async () => {
	const [a, b, c] = [await tab(), await tab(), await tab()];
	hang(a);
	b.tabs.wake();
	c.tabs.wake();
	await pass(ANSWER_MS);
	assert.equal(leaders(a, b, c).replaceAll('0', ''), '1');
	Object.assign(a.channel, { mute: false, deaf: false });
	await pass(10 * PING_MS);
	assert.equal(leaders(a, b, c).replaceAll('0', ''), '1');
});

test('stopped while it waits, while it steals and while it leads, a tab leaves no lock, no channel and no timer', async () => {
	const [a, b] = [await tab(), await tab()];
	b.tabs.stop();
	hang(a);
	const c = await tab();
	await pass(ANSWER_MS - 1);
	clock.timers.splice(0).forEach(({ callback }) => callback());
	c.tabs.stop();
	a.tabs.stop();
	await settle();
	for (const stopped of [a, b, c]) {
		stopped.tabs.wake();
		stopped.tabs.restart();
		stopped.tabs.tellStatus();
	}
	await pass(10 * PING_MS);
	assert.deepEqual([leaders(a, b, c), channels, holder, waiting, clock.timers], ['000', [], undefined, [], []]);
});

test('where locks are forbidden everybody leads; where nothing is to be shared, too, without a channel', async () => {
	const { request } = locks;
	locks.request = () => Promise.reject(new DOMException('no', 'SecurityError'));
	const [a, b] = [await tab(), await tab()];
	locks.request = request;
	assert.equal(leaders(a, b), '11');
	channels = [];
	const alone = await tab({ share: false });
	alone.tabs.wake();
	assert.deepEqual([alone.connected, alone.told, channels], [true, ['wake'], []]);
	alone.tabs.stop();
	alone.tabs.wake();
	await pass(10 * PING_MS);
	assert.deepEqual([alone.connected, clock.timers.length], [false, 0]);
});

test('a tab in front does not leave polling to a hidden one', async () => {
	const a = await tab();
	a.status = { connection: 'polling', transport: 'poll' };
	a.hidden = true;
	const b = await tab();
	await settle();
	assert.equal(leaders(a, b), '01');
});
