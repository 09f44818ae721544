// What the page shows: batches and their rows, newest batch on top. Frames from the server and uploads of this page meet
// here, so that a file has one row and one bar from its first byte to its result. Drawing happens elsewhere, once a frame.
import type { BatchProgress, CvProgress } from 'cvpulse-client';

export type RowStatus = CvProgress['status'] | 'uploading' | 'refused';
export type Group = 'active' | 'completed' | 'failed' | 'cancelled';

export interface Upload {
	readonly size: number;
	sent: number;
	phase: 'waiting' | 'sending' | 'paused' | 'refused';
	/** Why it was refused. */
	reason: string;
}

export interface Step {
	readonly stage: string;
	readonly atMs: number;
}

const GROUPS: Readonly<Record<RowStatus, Group>> = {
	uploading: 'active', queued: 'active', processing: 'active', retrying: 'active',
	completed: 'completed', failed: 'failed', refused: 'failed', cancelled: 'cancelled',
};
const TERMINAL = new Set<string>(['completed', 'failed', 'cancelled', 'completed_with_errors']);
// An upload fills this much of the bar; from there on the server's own percent counts, as soon as it is more.
const UPLOAD_SHARE = 30;
const MAX_STEPS = 32;
const RATE_WINDOW_MS = 10_000;
/** A page that stays open for weeks lets go of the oldest batches that have ended. */
const MAX_ROWS = 20_000;

export const isTerminal = (status: string | undefined): boolean => TERMINAL.has(status ?? '');

/** The time in an id of ours ("<ms>-<n>"). */
const idMs = (id: string | undefined): number => Number.parseInt(id ?? '', 10) || 0;

const nameIn = (found: unknown): string =>
	typeof found === 'object' && found !== null && 'name' in found && typeof found.name === 'string' ? found.name : '';

// Other people's programs publish too: a percent may be anything.
const percentOf = (value: unknown): number => Math.min(100, Math.floor(Number(value)) || 0);

let lastKey = 0;

export class Row {
	readonly key = `r${++lastKey}`;
	/** '' until the server has given it one. */
	cvId = '';
	cv: CvProgress | undefined;
	upload: Upload | undefined;
	/** Whose CV it is: told while it is read, or with the result. */
	person = '';
	bar = 0;
	/** Grows with each change: what is drawn knows by it whether it is still right. */
	version = 0;
	readonly steps: Step[] = [];

	constructor(readonly batch: Batch, public name: string) {}

	get status(): RowStatus {
		if (this.cv) return this.cv.status;
		return this.upload?.phase === 'refused' ? 'refused' : 'uploading';
	}

	get group(): Group {
		return GROUPS[this.status] ?? 'active';
	}

	/** Never back; only a person's wish to try again starts over. */
	raise(percent: number): void {
		this.bar = Math.max(this.bar, percentOf(percent));
		this.version++;
	}

	step(stage: string, atMs: number): void {
		if (this.steps.at(-1)?.stage === stage || this.steps.length >= MAX_STEPS) return;
		this.steps.push({ stage, atMs });
	}

	show(cv: CvProgress): void {
		const again = isTerminal(this.cv?.status) && !isTerminal(cv.status);
		if (again) {
			this.bar = 0;
			this.person = '';
			this.steps.length = 0;
		}
		this.cv = cv;
		this.person = nameIn(cv.result) || nameIn(cv['early']) || this.person;
		if (cv.filename) this.name = String(cv.filename);
		const atMs = cv.ts ? Date.parse(cv.ts) : Date.now();
		if (cv.stage) this.step(cv.stage, atMs);
		if (isTerminal(cv.status)) this.step(cv.status, atMs);
		this.raise(cv.progress);
	}
}

export class Batch {
	frame: BatchProgress | undefined;
	readonly rows: Row[] = [];
	bar = 0;
	isCollapsed = false;
	/** Rows came in no order (a snapshot): by name, then. */
	isUnsorted = false;
	#ends: { atMs: number; ended: number }[] = [];

	/** sinceMs: the oldest thing that is known of it. */
	constructor(readonly id: string, public sinceMs: number) {}

	get status(): string {
		return this.frame?.status ?? (this.rows.some((r) => r.group === 'active') ? 'processing' : 'completed');
	}

	count(group: Group): number {
		return this.rows.reduce((n, row) => n + Number(row.group === group), 0);
	}

	show(frame: BatchProgress, nowMs: number): void {
		if (isTerminal(this.frame?.status) && !isTerminal(frame.status)) {
			this.bar = 0;
			this.#ends = [];
		}
		this.frame = frame;
		this.bar = Math.max(this.bar, percentOf(frame.progress));
		const ended = (frame.completed ?? 0) + (frame.failed ?? 0);
		if (this.#ends.at(-1)?.ended !== ended) this.#ends.push({ atMs: nowMs, ended });
		while (this.#ends.length > 2 && nowMs - (this.#ends[0]?.atMs ?? nowMs) > RATE_WINDOW_MS) this.#ends.shift();
	}

	/** How many CVs ended in a second, over the last ten; 0 when there is nothing honest to say. */
	rate(nowMs: number): number {
		const [first, last] = [this.#ends[0], this.#ends.at(-1)];
		if (!first || !last || last.ended - first.ended < 2 || nowMs - last.atMs > RATE_WINDOW_MS) return 0;
		return ((last.ended - first.ended) * 1000) / Math.max(1, nowMs - first.atMs);
	}
}

const byName = new Intl.Collator(undefined, { numeric: true });

export class Board {
	readonly batches: Batch[] = [];
	/** Counts every change of anything. */
	version = 0;
	#byId = new Map<string, Batch>();
	#rows = new Map<string, Row>();
	#listeners = new Set<() => void>();
	#isAnnounced = false;
	#isUnsorted = false;
	/** Erased by the person: a late event must not bring it back. */
	#erased = new Set<string>();

	/** Calls back once for all that changed within a frame; in a hidden page, once a second. */
	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	changed(): void {
		this.version++;
		if (this.#isAnnounced) return;
		this.#isAnnounced = true;
		const tell = () => {
			this.#isAnnounced = false;
			for (const listener of this.#listeners) listener();
		};
		if (document.visibilityState === 'hidden') setTimeout(tell, 1000);
		else requestAnimationFrame(tell);
	}

	row(cvId: string): Row | undefined {
		return this.#rows.get(cvId);
	}

	batch(id: string, sinceMs = Date.now()): Batch {
		let batch = this.#byId.get(id);
		if (!batch) {
			batch = new Batch(id, sinceMs);
			this.#byId.set(id, batch);
			this.batches.push(batch);
			this.#isUnsorted = true;
		}
		return batch;
	}

	onBatch(frame: BatchProgress): void {
		this.batch(frame.batch_id, idMs(frame.id) || Date.now()).show(frame, Date.now());
		this.changed();
	}

	onCv(cv: CvProgress, isLive: boolean): void {
		if (this.#erased.has(cv.cv_id)) return;
		let row = this.#rows.get(cv.cv_id);
		if (!row) {
			const sinceMs = idMs(cv.id) || Date.now();
			const batch = this.batch(cv.batch_id ?? '', sinceMs);
			if (sinceMs < batch.sinceMs) {
				batch.sinceMs = sinceMs;
				this.#isUnsorted = true;
			}
			row = this.#add(batch, String(cv.filename ?? cv.cv_id));
			this.#know(row, cv.cv_id);
			if (this.#rows.size > MAX_ROWS) this.#forgetOldest();
			batch.isUnsorted ||= !isLive;
		}
		row.show(cv);
		this.changed();
	}

	#know(row: Row, cvId: string): void {
		row.cvId = cvId;
		this.#rows.set(cvId, row);
	}

	#add(batch: Batch, name: string): Row {
		const row = new Row(batch, name);
		batch.rows.push(row);
		return row;
	}

	addUpload(batchId: string, name: string, size: number): Row {
		const row = this.#add(this.batch(batchId), name);
		row.upload = { size, sent: 0, phase: 'waiting', reason: '' };
		row.step('upload', Date.now());
		this.changed();
		return row;
	}

	uploading(row: Row, phase: Upload['phase'], sent = row.upload?.sent ?? 0, reason = ''): void {
		if (!row.upload) return;
		Object.assign(row.upload, { phase, sent, reason });
		row.raise(row.upload.size ? (sent / row.upload.size) * UPLOAD_SHARE : 0);
		this.changed();
	}

	/** The upload becomes the CV of this id: its events are this row's. */
	expect(row: Row, cvId: string): void {
		const other = this.#rows.get(cvId);
		if (other === row) return;
		this.#know(row, cvId);
		if (other?.cv) row.show(other.cv);
		if (other) this.#drop(other);
		this.changed();
	}

	/** The server has all of it. Events may have told more already; if not (the connection may be down), this much is known. */
	accepted(row: Row, cvId: string): void {
		this.expect(row, cvId);
		if (!row.cv) row.show({ type: 'cv_progress', cv_id: cvId, batch_id: row.batch.id, filename: row.name, status: 'queued', progress: 0 });
		this.changed();
	}

	remove(row: Row): void {
		if (this.#rows.get(row.cvId) === row) this.#rows.delete(row.cvId);
		this.#drop(row);
		this.changed();
	}

	erased(row: Row): void {
		if (row.cv) this.#erased.add(row.cv.cv_id);
		this.remove(row);
	}

	/** What the server no longer knows. */
	onRemoved(ids: readonly string[]): void {
		for (const id of ids) {
			const row = this.#rows.get(id);
			if (row) this.remove(row);
			const batch = this.#byId.get(id);
			if (batch) this.#dropBatch(batch);
		}
		this.changed();
	}

	#forgetOldest(): void {
		this.sort();
		const oldest = this.batches.findLast((batch) => isTerminal(batch.status));
		if (!oldest) return;
		for (const row of oldest.rows) this.#rows.delete(row.cvId);
		this.#dropBatch(oldest);
	}

	#drop(row: Row): void {
		const { rows } = row.batch;
		rows.splice(rows.indexOf(row), 1);
		if (!rows.length) this.#dropBatch(row.batch);
	}

	#dropBatch(batch: Batch): void {
		this.#byId.delete(batch.id);
		this.batches.splice(this.batches.indexOf(batch), 1);
	}

	sort(): void {
		// What a snapshot tells of a batch is its newest event: its place follows from the oldest of its CVs.
		if (this.#isUnsorted) this.batches.sort((a, b) => b.sinceMs - a.sinceMs);
		this.#isUnsorted = false;
		for (const batch of this.batches) {
			if (!batch.isUnsorted) continue;
			batch.isUnsorted = false;
			batch.rows.sort((a, b) => byName.compare(a.name, b.name));
		}
	}
}
