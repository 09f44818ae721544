// Keeps one user's connection: which transport, when to try again, and what to say about it.
//
// Transports are rungs, best first. A rung that fails twice, or through which nothing comes, is left for the next one; after
// the last one it begins at the top again. On a lower rung a better one is tried beside it, now and then, and takes over once
// it has caught up: what comes twice meanwhile the store sees by the ids.
import { backoff, closeCodes } from './closing.js';
import type { Received } from './frame.js';
import type { Link, Told } from './transport.js';
import type { ConnectionState, End, Status, Times, Transport } from './types.js';

const FAILURES = 2;

export interface Reports {
	onFrame(received: Received): void;
	onStatus(status: Status): void;
}

/** What worked here before, for the next page. */
export interface Memory {
	get(): string | null;
	set(transport: Transport): void;
}

export interface LadderWishes extends Reports {
	/** Best first. */
	rungs: readonly (readonly [Transport, (told: Told) => Link])[];
	/** The last id that was seen; '' before the first. */
	lastId(): string;
	token(renew?: boolean): Promise<string | undefined>;
	memory?: Memory;
	isHidden(): boolean;
	isOffline(): boolean;
	times: Times;
}

interface Rung {
	readonly at: number;
	link?: Link | undefined;
	isUp: boolean;
}

export class Ladder {
	#wishes: LadderWishes;
	#at: number;
	// The connection in use, and one that may take over.
	#current: Rung | undefined;
	#candidate: Rung | undefined;
	#state: ConnectionState = 'connecting';
	#failures = 0;
	#refusals = 0;
	#wait: ReturnType<typeof backoff>;
	#climbMs: number;
	#climbTo = 0;
	#timers: Partial<Record<'retry' | 'good' | 'climb', ReturnType<typeof setTimeout>>> = {};

	constructor(wishes: LadderWishes) {
		this.#wishes = wishes;
		this.#at = Math.max(0, wishes.rungs.findIndex(([transport]) => transport === wishes.memory?.get()));
		this.#wait = backoff(wishes.times.retryMs, wishes.times.retryMaxMs);
		this.#climbMs = wishes.times.climbMs;
	}

	/** Connects, unless it is connected already or was refused for good. */
	start(): void {
		if (this.#current || this.#state === 'signed-out') return;
		clearTimeout(this.#timers.retry);
		this.#current = this.#open(this.#at);
		this.#say(this.#away());
	}

	/** Lets go of the connection; start() takes it up again. */
	stop(): void {
		for (const timer of Object.values(this.#timers)) clearTimeout(timer);
		this.#current?.link?.close();
		this.#candidate?.link?.close();
		this.#current = this.#candidate = undefined;
	}

	/** The page came back, or the network: no more waiting, and no trust in what looks connected. */
	wake(): void {
		this.#wait.reset();
		this.#current?.link?.check();
		this.start();
	}

	/** The device says that it has no network. It may be wrong about a server on the same machine, so attempts go on. */
	networkLost(): void {
		if (this.#state === 'signed-out') return;
		this.stop();
		// The next network may let more through.
		this.#climbAnew();
		this.#retry(this.#wait.nextMs());
	}

	/** Begins anew, also after a refusal. */
	restart(): void {
		this.stop();
		this.#refusals = 0;
		this.#state = 'reconnecting';
		this.start();
	}

	#open(at: number): Rung {
		const rung: Rung = { at, isUp: false };
		rung.link = this.#wishes.rungs[at]?.[1]({
			onOpen: () => rung === this.#current && !rung.isUp && this.#say('catching-up'),
			onUp: () => this.#up(rung),
			onFrame: (received) => this.#received(rung, received),
			onEnd: (end) => (rung === this.#candidate ? this.#candidateEnded() : this.#ended(end)),
		});
		return rung;
	}

	#transport(at: number): Transport {
		return this.#wishes.rungs[at]?.[0] ?? 'websocket';
	}

	// Whoever a frame is told to may let go of the connection in the midst of what it brings.
	#isKept(rung: Rung): boolean {
		return rung === this.#current || rung === this.#candidate;
	}

	#received(rung: Rung, received: Received): void {
		const { type, more } = received[0];
		if (!this.#isKept(rung)) return;
		if (type === 'pong' || type === 'heartbeat') return;
		if (type === 'token_expiring') {
			void this.#renew(rung);
			return;
		}
		this.#wishes.onFrame(received);
		if (type === 'resumed' || (type === 'snapshot' && !more)) this.#up(rung);
	}

	#up(rung: Rung): void {
		if (rung.isUp || !this.#isKept(rung)) return;
		rung.isUp = true;
		if (rung === this.#candidate) {
			this.#current?.link?.close();
			this.#current = rung;
			this.#candidate = undefined;
			if (rung.at < this.#at) this.#climbLess();
			this.#at = rung.at;
		}
		this.#wishes.memory?.set(this.#transport(rung.at));
		clearTimeout(this.#timers.good);
		this.#timers.good = setTimeout(() => {
			this.#failures = this.#refusals = 0;
			this.#wait.reset();
			if (rung.at === 0) this.#climbAnew();
		}, this.#wishes.times.goodMs);
		this.#climbLater();
		this.#say(this.#transport(rung.at) === 'poll' ? 'polling' : 'live');
	}

	#ended(end: End): void {
		const rule = closeCodes[end.code];
		this.#current = undefined;
		clearTimeout(this.#timers.good);
		clearTimeout(this.#timers.climb);
		if (rule === 'no' || (rule === 'new_token' && ++this.#refusals > 1)) this.#giveUp(end);
		else if (rule === 'new_token') this.#openWithNewToken();
		else if (this.#candidate) this.#promote(this.#candidate);
		else if (rule === 'when_visible' && this.#wishes.isHidden()) this.#say('reconnecting', end);
		else if (rule || this.#wishes.isOffline() || !this.#stepDown(end)) this.#retry((end.retryAfterMs ?? 0) + this.#wait.nextMs(), end);
	}

	#giveUp(end: End): void {
		this.stop();
		this.#say('signed-out', end);
	}

	#promote(rung: Rung): void {
		this.#candidate = undefined;
		this.#current = rung;
		this.#at = rung.at;
		this.#say('reconnecting');
	}

	#openWithNewToken(): void {
		this.#wishes.token(true).catch(() => {});
		this.start();
	}

	// Whether the end of a connection that just broke made us try the next transport at once.
	#stepDown(end: End): boolean {
		if (!end.mute && ++this.#failures < FAILURES) return false;
		const before = this.#at;
		this.#failures = 0;
		this.#at = (before + 1) % this.#wishes.rungs.length;
		// Nobody sees what would be polled.
		if (this.#transport(this.#at) === 'poll' && this.#wishes.isHidden()) this.#at = 0;
		if (this.#at <= before) return false;
		this.start();
		return true;
	}

	#retry(afterMs: number, problem?: End): void {
		clearTimeout(this.#timers.retry);
		this.#timers.retry = setTimeout(() => this.start(), Math.min(afterMs, this.#wishes.times.climbMaxMs));
		this.#say(this.#away(), problem);
	}

	#climbAnew(): void {
		this.#climbTo = 0;
		this.#climbMs = this.#wishes.times.climbMs;
	}

	// What takes over has yet to prove itself: a proxy may cut it after a moment, each time.
	#climbLess(): void {
		this.#climbTo = 0;
		this.#climbMs = Math.min(this.#climbMs * 2, this.#wishes.times.climbMaxMs);
	}

	#climbLater(): void {
		clearTimeout(this.#timers.climb);
		if (this.#at > 0) this.#timers.climb = setTimeout(() => this.#climb(), this.#climbMs);
	}

	#climb(): void {
		if (this.#wishes.isHidden() || this.#wishes.isOffline()) this.#climbLater();
		else this.#candidate ??= this.#open(this.#climbTo);
	}

	#candidateEnded(): void {
		this.#candidate = undefined;
		if (++this.#climbTo >= this.#at) this.#climbLess();
		this.#climbLater();
	}

	// A WebSocket takes the new token as it is; a stream is replaced by one that was opened with it, which goes before any better
	// transport that is being tried: there is a minute left; a poll looks itself.
	async #renew(rung: Rung): Promise<void> {
		const token = await this.#wishes.token(true).catch(() => undefined);
		if (rung !== this.#current || !token) return;
		if (rung.link?.renew) rung.link.renew(token);
		else if (this.#transport(rung.at) === 'sse') {
			this.#candidate?.link?.close();
			this.#candidate = this.#open(rung.at);
		}
	}

	#away(): ConnectionState {
		return this.#wishes.lastId() ? 'reconnecting' : 'connecting';
	}

	#say(state: ConnectionState, problem?: End): void {
		const isAway = state === 'reconnecting' || state === 'connecting';
		this.#state = isAway && this.#wishes.isOffline() ? 'offline' : state;
		this.#wishes.onStatus({ connection: this.#state, transport: this.#transport(this.#at), problem });
	}
}
