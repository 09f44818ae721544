// One connection for all tabs of a user: the tab that holds a Web Lock leads and tells the others by a BroadcastChannel what it
// hears. A tab that is closed or frozen lets go of the lock, and the next one goes on from the last id that it was told.
import type { Received } from './frame.js';
import type { ConnectionState, End, Transport } from './types.js';

export interface Status {
	connection: ConnectionState;
	transport: Transport;
	problem?: End | undefined;
}

/** From the leader: what happened, or all that it knows. From the others: hello (tell me all), wake, restart. */
type Message =
	| { kind: 'frames'; frames: readonly Received[] }
	| { kind: 'status'; status: Status; isHidden: boolean }
	| { kind: 'hello' | 'wake' | 'restart' };

export interface TabsWishes {
	name: string;
	/** How long a leader may take to answer before it is taken for dead. */
	answerMs: number;
	isHidden(): boolean;
	onLead(): void;
	onFollow(): void;
	onFrames(frames: readonly Received[]): void;
	onStatus(status: Status): void;
	/** Asked of the leader. */
	whole(): readonly Received[];
	status(): Status;
	wake(): void;
	restart(): void;
}

/** Whether this browser, in this page, can share at all (both need a secure context). */
export const canShare = (): boolean =>
	typeof document !== 'undefined' && typeof BroadcastChannel === 'function' && typeof navigator.locks?.request === 'function';

export class Tabs {
	#wishes: TabsWishes;
	#channel: BroadcastChannel | undefined;
	#leads = false;
	#letGo: (() => void) | undefined;
	#waiting: AbortController | undefined;
	#answer: ReturnType<typeof setTimeout> | undefined;

	constructor(wishes: TabsWishes) {
		this.#wishes = wishes;
	}

	get leads(): boolean {
		return this.#leads;
	}

	start(): void {
		if (this.#channel) return;
		this.#channel = new BroadcastChannel(this.#wishes.name);
		this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#told(data);
		this.#queue();
		this.#hello();
	}

	stop(): void {
		clearTimeout(this.#answer);
		this.#waiting?.abort();
		this.#letGo?.();
		this.#channel?.close();
		this.#leads = false;
		this.#letGo = this.#waiting = this.#channel = undefined;
	}

	/** The leader's: what the others are to know. */
	tell(frames: readonly Received[]): void {
		this.#post({ kind: 'frames', frames });
	}

	tellStatus(): void {
		this.#post({ kind: 'status', status: this.#wishes.status(), isHidden: this.#wishes.isHidden() });
	}

	/** This tab was brought to the front, or the network came back. */
	wake(): void {
		if (this.#leads) return;
		this.#post({ kind: 'wake' });
		this.#hello();
	}

	restart(): void {
		this.#post({ kind: 'restart' });
	}

	#post(message: Message): void {
		this.#channel?.postMessage(message);
	}

	// A leader that does not answer is frozen or stuck; whoever is looked at takes over.
	#hello(): void {
		this.#post({ kind: 'hello' });
		clearTimeout(this.#answer);
		this.#answer = setTimeout(() => this.#leads || this.#wishes.isHidden() || this.#queue(true), this.#wishes.answerMs);
	}

	#queue(steal = false): void {
		this.#waiting?.abort();
		const waiting = new AbortController();
		this.#waiting = waiting;
		navigator.locks
			.request(this.#wishes.name, steal ? { steal } : { signal: waiting.signal }, () => this.#lead(waiting))
			// Aborted by ourselves, or the lock was stolen; where locks are forbidden, everybody leads.
			.catch(() => waiting.signal.aborted || this.#lost());
	}

	#lead(waiting: AbortController): Promise<void> | undefined {
		if (waiting.signal.aborted) return undefined;
		clearTimeout(this.#answer);
		this.#leads = true;
		this.#wishes.onLead();
		return new Promise((resolve) => {
			this.#letGo = resolve;
		});
	}

	#lost(): void {
		if (!this.#leads) {
			this.#leads = true;
			this.#wishes.onLead();
			return;
		}
		this.#leads = false;
		this.#wishes.onFollow();
		this.#queue();
		this.#hello();
	}

	#told(message: Message): void {
		if (this.#leads) {
			if (message.kind === 'hello') {
				this.tell(this.#wishes.whole());
				this.tellStatus();
			} else if (message.kind === 'wake') this.#wishes.wake();
			else if (message.kind === 'restart') this.#wishes.restart();
			return;
		}
		if (message.kind === 'frames') this.#wishes.onFrames(message.frames);
		if (message.kind !== 'status') return;
		clearTimeout(this.#answer);
		this.#wishes.onStatus(message.status);
		// What is polled in a hidden tab is not polled at all.
		if (message.isHidden && message.status.connection !== 'live' && !this.#wishes.isHidden()) this.#queue(true);
	}
}
