// Sends chosen files to the worker: one batch for all of them, one request a file, a few at a time.

const BASE = '/api/v1/cv-processing';
const AT_ONCE = 3;

// The sentence for a person out of a problem+json answer, or one for an answer that is none.
function sentence(request) {
	try {
		const problem = JSON.parse(request.responseText);
		return problem.detail || problem.title;
	} catch {
		return request.status ? `The server answered ${request.status}.` : 'The server cannot be reached.';
	}
}

function post(path, body, onProgress = () => {}) {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open('POST', path);
		request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
		request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(new Error(sentence(request))));
		request.onerror = () => reject(new Error(sentence(request)));
		if (typeof body === 'string') request.setRequestHeader('Content-Type', 'application/json');
		request.send(body);
	});
}

async function sendOne(file, batchId, user, row) {
	const form = new FormData();
	form.append('batch_id', batchId);
	form.append('file', file, file.name);
	try {
		const answer = await post(`${BASE}/cvs?user_id=${encodeURIComponent(user)}`, form, row.uploaded);
		row.accepted({ ...answer.cvs[0], batch_id: answer.batch_id });
	} catch (error) {
		row.refused(error.message);
	}
}

// rows: for each file {uploaded(fraction), accepted({cv_id, batch_id, filename}), refused(sentence)}.
export async function upload(files, user, rows) {
	const query = `?user_id=${encodeURIComponent(user)}`;
	const { batch_id: batchId } = await post(`${BASE}/batches${query}`, JSON.stringify({}));
	const waiting = files.map((file, i) => () => sendOne(file, batchId, user, rows[i]));
	const lane = async () => {
		for (let next = waiting.shift(); next; next = waiting.shift()) await next();
	};
	await Promise.all(Array.from({ length: AT_ONCE }, lane));
	await post(`${BASE}/batches/${encodeURIComponent(batchId)}/close${query}`, '{}');
}
