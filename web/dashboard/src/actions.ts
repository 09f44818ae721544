// What a person can do with rows and batches; given to the parts of the page that show buttons for it.
import type { Api } from './api';
import type { Batch, Board, Row } from './board';
import type { Uploads } from './uploads';
import { asCsv, asJson, gather, saveBlob } from './save';
import { words } from './words';

export class Actions {
	constructor(readonly api: Api, readonly board: Board, readonly uploads: Uploads, readonly complain: (sentence: string) => void) {}

	async #try(what: () => Promise<void>): Promise<void> {
		try {
			await what();
		} catch (error) {
			this.complain(error instanceof Error ? error.message : String(error));
		}
	}

	upload(files: readonly File[]): Promise<void> {
		if (!files.length) return Promise.resolve();
		return this.uploads.add(files).catch((error: Error) => this.complain(words().trouble.upload(error.message)));
	}

	retry(row: Row): Promise<void> {
		return this.#try(async () => row.cv && this.api.retry(row.cv.cv_id));
	}

	retryFailed(batch: Batch): Promise<void> {
		const ids = batch.rows.flatMap((row) => (row.status === 'failed' && row.cv ? [row.cv.cv_id] : []));
		return this.#try(async () => {
			for (const id of ids) await this.api.retry(id);
		});
	}

	/** A file that is not sent yet, or was refused, only disappears. */
	dismiss(row: Row): void {
		this.uploads.cancel(row);
	}

	cancelBatch(batch: Batch): Promise<void> {
		this.uploads.cancelBatch(batch.id);
		return this.#try(async () => this.api.cancelBatch(batch.id));
	}

	erase(row: Row): Promise<void> {
		return this.#try(async () => {
			if (!row.cv) return;
			await this.api.erase(row.cv.cv_id);
			this.board.erased(row);
		});
	}

	saveResults(batch: Batch, kind: 'json' | 'csv', onProgress: (n: number, of: number) => void): Promise<void> {
		return this.#try(async () => {
			const cvs = await gather(this.api, batch, onProgress);
			saveBlob(kind === 'json' ? asJson(cvs) : asCsv(cvs), `cvs-${batch.id}.${kind}`);
		});
	}

	saveOriginal(row: Row): Promise<void> {
		return this.#try(async () => row.cv && saveBlob(await this.api.file(row.cv.cv_id), row.name));
	}
}
