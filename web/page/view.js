// Draws batches and CVs. Each is one element that is changed in place; its bar never goes back.

const STATUS = {
	uploading: 'uploading',
	queued: 'waiting',
	processing: 'reading',
	retrying: 'trying again',
	completed: 'done',
	failed: 'failed',
	cancelled: 'cancelled',
	refused: 'not accepted',
	open: 'open',
	completed_with_errors: 'done, some failed',
};

const TERMINAL = new Set(['completed', 'failed', 'cancelled', 'completed_with_errors']);

// An upload fills this much of a row's bar; then the server's own percent takes over.
const UPLOAD_SHARE = 5;

function element(tag, className, parent) {
	const node = document.createElement(tag);
	node.className = className;
	parent?.append(node);
	return node;
}

class Bar {
	#node;
	#fill;
	value = 0;

	constructor(parent, label) {
		this.#node = element('div', 'bar', parent);
		this.#node.setAttribute('role', 'progressbar');
		this.#node.setAttribute('aria-valuemin', '0');
		this.#node.setAttribute('aria-valuemax', '100');
		this.#node.setAttribute('aria-label', label);
		this.#fill = element('div', 'fill', this.#node);
		this.raise(0);
	}

	raise(percent) {
		this.value = Math.max(this.value, Math.min(100, Math.floor(percent)));
		this.#node.setAttribute('aria-valuenow', String(this.value));
		this.#fill.style.setProperty('width', `${this.value}%`);
	}

	// A person asked for the work to be done again: that alone starts over.
	restart() {
		this.value = 0;
	}
}

// The sentence of an error says what happened and what to do.
function noteOf(cv) {
	if (cv.status === 'failed') return cv.error?.message ?? 'It could not be read.';
	if (cv.status === 'completed') return cv.result?.name ? `Found: ${cv.result.name}` : '';
	return cv.message ?? '';
}

class Row {
	#name;
	#status;
	#note;

	constructor(filename) {
		this.node = element('li', 'cv');
		this.#name = element('span', 'name', this.node);
		this.#status = element('span', 'status', this.node);
		this.bar = new Bar(this.node, filename);
		this.#note = element('p', 'note', this.node);
		this.#name.textContent = filename;
		this.say('uploading', '');
	}

	say(status, note) {
		this.node.dataset.status = status;
		this.#status.textContent = STATUS[status] ?? status;
		this.#note.textContent = note;
		this.#note.hidden = !note;
	}

	show(cv) {
		if (TERMINAL.has(this.node.dataset.status) && !TERMINAL.has(cv.status)) this.bar.restart();
		this.node.dataset.cvId = cv.cv_id;
		this.bar.raise(cv.progress ?? 0);
		this.say(cv.status, noteOf(cv));
	}
}

class Batch {
	#counts;
	#percent;
	#bar;

	constructor(parent, id) {
		this.node = element('section', 'batch');
		this.node.dataset.batchId = id;
		const head = element('div', 'head', this.node);
		this.#counts = element('span', 'counts', head);
		this.#percent = element('span', 'percent', head);
		this.#bar = new Bar(this.node, 'whole batch');
		this.list = element('ul', 'cvs', this.node);
		parent.prepend(this.node);
	}

	show(frame) {
		const parts = [`${frame.total} ${frame.total === 1 ? 'CV' : 'CVs'}`];
		if (frame.completed) parts.push(`${frame.completed} done`);
		if (frame.failed) parts.push(`${frame.failed} failed`);
		if (frame.cancelled) parts.push(`${frame.cancelled} cancelled`);
		if (frame.eta_ms) parts.push(`about ${Math.ceil(frame.eta_ms / 1000)} s left`);
		if (TERMINAL.has(this.node.dataset.status) && !TERMINAL.has(frame.status)) this.#bar.restart();
		this.node.dataset.status = frame.status;
		this.#counts.textContent = parts.join(' · ');
		this.#bar.raise(frame.progress ?? 0);
		this.#percent.textContent = `${this.#bar.value} %`;
	}
}

export class View {
	#root;
	#batches = new Map();
	#rows = new Map();

	constructor(root) {
		this.#root = root;
	}

	#batch(id) {
		if (!this.#batches.has(id)) this.#batches.set(id, new Batch(this.#root, id));
		return this.#batches.get(id);
	}

	showBatch(frame) {
		this.#batch(frame.batch_id).show(frame);
	}

	showCv(cv) {
		let row = this.#rows.get(cv.cv_id);
		if (!row) {
			row = new Row(cv.filename ?? cv.cv_id);
			this.#rows.set(cv.cv_id, row);
			this.#batch(cv.batch_id ?? '').list.append(row.node);
		}
		row.show(cv);
	}

	// Rows for files that this page sends, until the server's events have their own row for them.
	newUploads(files) {
		const list = element('ul', 'cvs uploads');
		this.#root.prepend(list);
		return files.map((file) => {
			const row = new Row(file.name);
			list.append(row.node);
			return {
				uploaded: (fraction) => row.bar.raise(fraction * UPLOAD_SHARE),
				accepted: (cv) => this.#accepted(row, cv, list),
				refused: (sentence) => row.say('refused', sentence),
			};
		});
	}

	// The server has it. Events may have come already; if not (the connection may be down), the row is made here.
	#accepted(row, cv, list) {
		if (!this.#rows.has(cv.cv_id)) this.showCv({ ...cv, status: 'queued' });
		this.#rows.get(cv.cv_id).bar.raise(row.bar.value);
		row.node.remove();
		if (!list.childElementCount) list.remove();
	}
}
