// Sends chosen files: one batch for all that are chosen together, a few files at a time, each kept on the shelf until the
// server has it, so that a reload only interrupts.
import type { Api } from './api';
import type { Board, Row } from './board';
import { type Kept, Shelf } from './shelf';
import { transfer } from './transfer';

const AT_ONCE = 4;
/** A folder with more files than this is somebody's mistake. */
export const MAX_FILES = 10_000;

interface Item {
	readonly key: string;
	readonly row: Row;
	readonly file: Blob;
	readonly name: string;
	readonly url?: string;
	stop?: () => void;
	isOver: boolean;
}

export class Uploads {
	#waiting: Item[] = [];
	#running = new Set<Item>();
	#items = new Map<Row, Item>();
	#shelf: Shelf;

	constructor(readonly api: Api, readonly board: Board) {
		this.#shelf = new Shelf(api.user);
	}

	async add(files: readonly File[]): Promise<void> {
		const batchId = await this.api.openBatch(files.length);
		const items = files.map((file) => this.#item({ key: this.#shelf.newKey(), batchId, name: file.name, file }));
		this.#enqueue(items);
		for (const item of items) if (!item.isOver) await this.#keep(item);
	}

	/** Goes on with what an earlier visit left. */
	async resume(): Promise<void> {
		this.#enqueue((await this.#shelf.adopt()).map((kept) => this.#item(kept)));
	}

	/** The person does not want this one after all. */
	cancel(row: Row): void {
		const item = this.#items.get(row);
		if (item) {
			item.stop?.();
			this.#end(item);
		}
		this.board.remove(row);
	}

	cancelBatch(batchId: string): void {
		for (const row of [...this.#items.keys()]) if (row.batch.id === batchId) this.cancel(row);
	}

	#item({ key, batchId, name, file, url }: Omit<Kept, 'session' | 'user'>): Item {
		const item: Item = { key, row: this.board.addUpload(batchId, name, file.size), file, name, isOver: false, ...(url && { url }) };
		this.#items.set(item.row, item);
		return item;
	}

	async #keep(item: Item, url = item.url): Promise<void> {
		await this.#shelf.keep({ key: item.key, batchId: item.row.batch.id, name: item.name, file: item.file, ...(url && { url }) });
		if (item.isOver) await this.#shelf.forget(item.key);
	}

	#enqueue(items: readonly Item[]): void {
		this.#waiting.push(...items);
		while (this.#running.size < AT_ONCE && this.#waiting.length) this.#start(this.#waiting.shift() as Item);
	}

	#start(item: Item): void {
		if (item.isOver) return;
		const { board } = this;
		this.#running.add(item);
		board.uploading(item.row, 'sending');
		const { stop } = transfer(this.api, { file: item.file, name: item.name, batchId: item.row.batch.id, ...(item.url && { url: item.url }) }, {
			onSent: (bytes) => board.uploading(item.row, 'sending', bytes),
			onPaused: () => board.uploading(item.row, 'paused'),
			onUrl: (url, cvId) => {
				board.expect(item.row, cvId);
				void this.#keep(item, url);
			},
			onAccepted: (cvId) => {
				board.uploading(item.row, 'sending', item.file.size);
				board.accepted(item.row, cvId);
				this.#end(item);
			},
			onRefused: (why) => {
				board.uploading(item.row, 'refused', item.row.upload?.sent, why);
				this.#end(item);
			},
		});
		item.stop = stop;
	}

	#end(item: Item): void {
		if (item.isOver) return;
		item.isOver = true;
		this.#running.delete(item);
		this.#items.delete(item.row);
		void this.#shelf.forget(item.key);
		const batchId = item.row.batch.id;
		// A batch that cannot be closed now closes by itself when it lies idle.
		if (![...this.#items.keys()].some((row) => row.batch.id === batchId)) this.api.closeBatch(batchId).catch(() => undefined);
		this.#enqueue([]);
	}
}
