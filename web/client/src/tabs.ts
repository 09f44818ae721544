// One connection for all tabs of a user: the tab that holds a Web Lock leads and tells the others by a BroadcastChannel what it
// hears. A tab that is closed or frozen lets go of the lock, and the next one goes on from the last id that it was told.
import type { Received } from './frame.js';
import type { Ladder } from './ladder.js';
import { hasPage } from './page.js';
import type { Status } from './types.js';

/** From the others: tell me all, are you there, look after your connection, begin anew. */
type Question = 'hello' | 'ping' | 'wake' | 'restart';
/** From the leader: what happened, or all that it knows. */
type Message =
	| { kind: 'frames'; frames: readonly Received[] }
	| { kind: 'status'; status: Status; isHidden: boolean }
	| { kind: Question };

export interface TabsWishes {
	/** Whether to share at all; otherwise this tab leads, and nobody follows. */
	share: boolean;
	name: string;
	/** How often a tab that is looked at asks whether the leader is there. */
	pingMs: number;
	/** How long a leader may take to answer before it is taken for dead. */
	answerMs: number;
	isHidden(): boolean;
	/** The connection that this tab has while it leads. */
	ladder: Pick<Ladder, 'start' | 'stop' | 'wake' | 'restart' | 'networkLost'>;
	onFrames(frames: readonly Received[]): void;
	onStatus(status: Status): void;
	/** Asked of the leader. */
	whole(): readonly Received[];
	status(): Status;
}

/** Whether this browser, in this page, can share (both need a secure context). */
export const canShare = (): boolean =>
	hasPage && typeof BroadcastChannel === 'function' && typeof navigator.locks?.request === 'function';

export class Tabs {
	#wishes: TabsWishes;
	#channel: BroadcastChannel | undefined;
	#leads = false;
	#letGo: (() => void) | undefined;
	#waiting: AbortController | undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(wishes: TabsWishes) {
		this.#wishes = wishes;
	}

	start(): void {
		if (!this.#wishes.share) {
			this.#lead();
		} else if (!this.#channel) {
			this.#channel = new BroadcastChannel(this.#wishes.name);
			this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#told(data);
			this.#follow();
		}
	}

	/** Lets go of everything; start() takes it up again. */
	stop(): void {
		clearTimeout(this.#timer);
		this.#waiting?.abort();
		this.#letGo?.();
		this.#channel?.close();
		this.#leads = false;
		this.#letGo = this.#waiting = this.#channel = undefined;
		this.#wishes.ladder.stop();
	}

	/** What the leader has heard is for the others, too. */
	tell(frames: readonly Received[]): void {
		this.#post({ kind: 'frames', frames });
	}

	tellStatus(): void {
		if (this.#leads) this.#post({ kind: 'status', status: this.#wishes.status(), isHidden: this.#wishes.isHidden() });
	}

	/** This tab was brought to the front, or the network came back. */
	wake(): void {
		if (this.#leads) this.#wishes.ladder.wake();
		else this.#ask('wake', 'hello');
	}

	restart(): void {
		if (this.#leads) this.#wishes.ladder.restart();
		else this.#ask('restart', 'ping');
	}

	networkLost(): void {
		if (this.#leads) this.#wishes.ladder.networkLost();
	}

	#post(message: Message): void {
		this.#channel?.postMessage(message);
	}

	// A leader that does not answer is frozen or stuck; whoever is looked at takes over.
	#ask(...kinds: readonly Question[]): void {
		for (const kind of kinds) this.#post({ kind });
		this.#later(this.#wishes.answerMs, () => this.#queue(true));
	}

	// What is hidden need not know; once shown it asks anew.
	#later(ms: number, then: () => void): void {
		clearTimeout(this.#timer);
		if (this.#channel) this.#timer = setTimeout(() => this.#wishes.isHidden() || then(), ms);
	}

	#queue(steal = false): void {
		this.#waiting?.abort();
		const waiting = new AbortController();
		this.#waiting = waiting;
		navigator.locks
			.request(this.#wishes.name, steal ? { steal } : { signal: waiting.signal }, () => {
				if (waiting.signal.aborted) return undefined;
				this.#lead();
				return new Promise<void>((resolve) => {
					this.#letGo = resolve;
				});
			})
			// Aborted by ourselves, or the lock was stolen; where locks are forbidden, everybody leads.
			.catch(() => waiting.signal.aborted || this.#lost());
	}

	#lead(): void {
		clearTimeout(this.#timer);
		this.#leads = true;
		this.#wishes.ladder.start();
	}

	#follow(): void {
		this.#queue();
		this.#ask('hello');
	}

	#lost(): void {
		if (!this.#leads) {
			this.#lead();
			return;
		}
		this.#leads = false;
		this.#wishes.ladder.stop();
		this.#follow();
	}

	#told(message: Message): void {
		const { kind } = message;
		if (this.#leads) {
			if (kind === 'hello') this.tell(this.#wishes.whole());
			if (kind === 'hello' || kind === 'ping') this.tellStatus();
			if (kind === 'wake' || kind === 'restart') this.#wishes.ladder[kind]();
			return;
		}
		if (kind === 'frames') this.#wishes.onFrames(message.frames);
		if (kind !== 'status') return;
		this.#later(this.#wishes.pingMs, () => this.#ask('ping'));
		this.#wishes.onStatus(message.status);
		// What is polled in a hidden tab is not polled at all.
		if (message.isHidden && message.status.connection !== 'live' && !this.#wishes.isHidden()) this.#queue(true);
	}
}
