// The WebSocket of one user, for as long as the page is open: it is opened again after every end, and resumes after the
// last id that was seen, so that nothing is missed. States: connecting, catching-up, live, reconnecting, offline, signed-out.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const GOOD_AFTER_MS = 10000;
const PING_MS = 25000;
const PONG_WITHIN_MS = 10000;

// Close codes after which asking again would get the same answer.
const FINAL = new Set([1009, 4400, 4401, 4403, 4410]);
const REPLACED = 4409;

export class Stream {
	#url;
	#lastId;
	#onFrame;
	#onState;
	#socket = null;
	#wait = FIRST_WAIT_MS;
	#timers = {};
	#over = false;

	// url(lastId) makes the address, lastId() tells the last id seen ('' before the first).
	constructor({ url, lastId, onFrame, onState }) {
		this.#url = url;
		this.#lastId = lastId;
		this.#onFrame = onFrame;
		this.#onState = onState;
		addEventListener('online', () => this.#now());
		addEventListener('offline', () => this.#onState('offline'));
		document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#now());
	}

	open() {
		const socket = new WebSocket(this.#url(this.#lastId()));
		this.#socket = socket;
		socket.onopen = () => {
			this.#onState('catching-up');
			this.#later('good', GOOD_AFTER_MS, () => { this.#wait = FIRST_WAIT_MS; });
			this.#later('ping', PING_MS, () => this.#ping());
		};
		socket.onmessage = (message) => this.#received(message.data);
		socket.onclose = (end) => socket === this.#socket && this.#ended(end);
	}

	#received(text) {
		clearTimeout(this.#timers.pong);
		let frame;
		try {
			frame = JSON.parse(text);
		} catch {
			return;
		}
		if (frame.type === 'resumed' || (frame.type === 'snapshot' && !frame.more)) this.#onState('live');
		if (frame.type === 'resync') this.#onState('catching-up');
		this.#onFrame(frame);
	}

	#ping() {
		if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send('ping');
		this.#later('pong', PONG_WITHIN_MS, () => this.#abandon());
		this.#later('ping', PING_MS, () => this.#ping());
	}

	// A dead connection does not answer a close either: leave it and begin anew.
	#abandon() {
		const socket = this.#socket;
		this.#socket = null;
		socket?.close();
		this.#ended({ code: 1006, reason: '' });
	}

	#ended({ code, reason }) {
		for (const name of ['good', 'ping', 'pong']) clearTimeout(this.#timers[name]);
		this.#socket = null;
		this.#over = FINAL.has(code);
		if (this.#over) return this.#onState('signed-out');
		this.#onState(navigator.onLine ? 'reconnecting' : 'offline');
		if (code === REPLACED && document.visibilityState !== 'visible') return undefined;
		return this.#later('retry', this.#delay(reason), () => this.open());
	}

	#delay(reason) {
		const told = /retry_after_ms=(\d+)/.exec(reason ?? '');
		if (told) return Math.min(Number(told[1]), LONGEST_WAIT_MS);
		const wait = Math.random() * this.#wait;
		this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
		return wait;
	}

	#now() {
		if (this.#socket || this.#over) return;
		clearTimeout(this.#timers.retry);
		this.open();
	}

	#later(name, ms, what) {
		clearTimeout(this.#timers[name]);
		this.#timers[name] = setTimeout(what, ms);
	}
}
