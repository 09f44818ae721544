// Files whose upload has not ended yet, kept in the browser's own database: after a reload or a crash the page goes on with
// them. Each belongs to one tab, known by a lock that the browser frees with the tab. A browser that keeps nothing (a private
// window, no room) only loses this: uploads work all the same.

export interface Kept {
	readonly key: string;
	readonly session: string;
	readonly user: string;
	readonly batchId: string;
	readonly name: string;
	readonly file: Blob;
	/** Where the server takes the rest of it, once it gave an address. */
	readonly url?: string;
}

const STORE = 'uploads';
const lockOf = (session: string): string => `cvpulse-uploads-${session}`;
const randomName = (): string => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');

function settled<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

export class Shelf {
	readonly session = randomName();
	#database: Promise<IDBDatabase | undefined>;

	constructor(readonly user: string) {
		this.#database = this.#open().catch(() => undefined);
		// Held until the tab ends.
		void navigator.locks?.request(lockOf(this.session), () => new Promise(() => {})).catch(() => undefined);
	}

	async #open(): Promise<IDBDatabase> {
		const request = indexedDB.open('cvpulse', 1);
		request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'key' });
		return settled(request);
	}

	async #with<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
		try {
			const database = await this.#database;
			return database && (await settled(work(database.transaction(STORE, mode).objectStore(STORE))));
		} catch {
			return undefined;
		}
	}

	newKey(): string {
		return `${this.session}-${randomName()}`;
	}

	async keep(kept: Omit<Kept, 'session' | 'user'>): Promise<void> {
		await this.#with('readwrite', (store) => store.put({ ...kept, session: this.session, user: this.user } satisfies Kept));
	}

	async forget(key: string): Promise<void> {
		await this.#with('readwrite', (store) => store.delete(key));
	}

	/** What tabs that are gone have left of this user; it is ours from now on. */
	async adopt(): Promise<Kept[]> {
		if (!navigator.locks) return this.#takeOver(new Set());
		return navigator.locks.request('cvpulse-adopt', async () => {
			const { held = [] } = await navigator.locks.query();
			return this.#takeOver(new Set(held.map((lock) => lock.name ?? '')));
		});
	}

	async #takeOver(alive: ReadonlySet<string>): Promise<Kept[]> {
		const all = ((await this.#with('readonly', (store) => store.getAll())) ?? []) as Kept[];
		const left = all.filter((k) => k.user === this.user && k.session !== this.session && !alive.has(lockOf(k.session)));
		for (const kept of left) await this.keep(kept);
		return left;
	}
}
