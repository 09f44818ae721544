// One WebSocket from its begin to its end: sends pings, and notices when nothing comes back.
import { broken, ended } from './closing.js';
import type { End, WebSocketClass } from './types.js';

export interface SocketWishes {
	url: string;
	WebSocket: WebSocketClass;
	pingMs: number;
	pongMs: number;
	/** How long opening may take. */
	openMs: number;
	onOpen(): void;
	onText(text: string): void;
	/** Once, and not after close(). */
	onEnd(end: End): void;
}

export class Socket {
	#socket;
	#wishes;
	#over = false;
	#hasSpoken = false;
	#pings: ReturnType<typeof setInterval> | undefined;
	#deadline: ReturnType<typeof setTimeout> | undefined;

	constructor(wishes: SocketWishes) {
		const socket = new wishes.WebSocket(wishes.url);
		this.#socket = socket;
		this.#wishes = wishes;
		this.#expect(wishes.openMs);
		socket.onopen = () => {
			if (this.#over) return;
			this.#heard();
			this.#pings = setInterval(() => this.check(), wishes.pingMs);
			wishes.onOpen();
		};
		socket.onmessage = ({ data }: { data: unknown }) => {
			if (this.#over) return;
			this.#hasSpoken = true;
			this.#heard();
			wishes.onText(String(data));
		};
		// The close event follows and says more.
		socket.onerror = () => {};
		socket.onclose = ({ code, reason }: { code: number; reason: string }) => this.#end(ended(code, reason));
	}

	get isOpen(): boolean {
		return !this.#over && this.#socket.readyState === 1;
	}

	send(text: string): void {
		if (this.isOpen) this.#socket.send(text);
	}

	/** Asks for a sign of life; without one in time the connection is over. */
	check(withinMs = this.#wishes.pongMs): void {
		if (!this.isOpen) return;
		this.send('ping');
		this.#expect(withinMs);
	}

	close(): void {
		this.#over = true;
		clearInterval(this.#pings);
		this.#heard();
		this.#socket.close(1000);
	}

	#expect(withinMs: number): void {
		this.#deadline ??= setTimeout(() => this.#end(broken('no answer', !this.#hasSpoken)), withinMs);
	}

	#heard(): void {
		clearTimeout(this.#deadline);
		this.#deadline = undefined;
	}

	// A dead connection does not answer a close either: it is left, not waited for.
	#end(end: End): void {
		if (this.#over) return;
		this.close();
		this.#wishes.onEnd(end);
	}
}
