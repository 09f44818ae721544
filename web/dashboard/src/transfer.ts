// One file on its way to the server, by tus (https://tus.io): after a broken connection it goes on from the last byte that
// arrived. What comes of it is told by calls; after stop() nothing is told any more.
import { type DetailedError, Upload } from 'tus-js-client';
import { type Api, sentence } from './api';

export interface Job {
	readonly file: Blob;
	readonly name: string;
	readonly batchId: string;
	/** Where an earlier visit left off. */
	readonly url?: string;
}

export interface Outcome {
	/** The server knows of it: its address, and the id of the CV that it becomes. */
	onUrl(url: string, cvId: string): void;
	onSent(bytes: number): void;
	/** The connection is gone; it goes on by itself. */
	onPaused(): void;
	onAccepted(cvId: string): void;
	/** The server will not take it; the sentence says why. */
	onRefused(why: string): void;
}

const LONGEST_WAIT_MS = 15_000;
/** Half an hour without a byte; each byte that arrives begins the count anew. */
const WAITS_MS = [0, 500, 1000, 2000, 4000, 8000, ...Array<number>(120).fill(LONGEST_WAIT_MS)];
// Refusals for now: the token has expired, another request is at it, too many requests.
const FOR_NOW = new Set([401, 409, 423, 429]);

const cvIdOf = (url: string): string => decodeURIComponent(url.replace(/[?#].*$/, '').split('/').at(-1) ?? '');

const statusOf = (error: Error | DetailedError): number => ('originalResponse' in error && error.originalResponse?.getStatus()) || 0;
const isForNow = (status: number): boolean => status < 400 || status >= 500 || FOR_NOW.has(status);

function sentenceOf(error: Error | DetailedError): string {
	const answer = 'originalResponse' in error ? error.originalResponse : null;
	return answer ? sentence(answer.getStatus(), answer.getBody()) : sentence(0, '');
}

export function transfer(api: Api, job: Job, told: Outcome): { stop(): void } {
	let isStopped = false;
	let refusals = 0;
	const upload = new Upload(job.file, {
		endpoint: api.url('/files'),
		...(job.url && { uploadUrl: job.url }),
		metadata: { filename: job.name, filetype: job.file.type, batch_id: job.batchId },
		storeFingerprintForResuming: false,
		retryDelays: WAITS_MS,
		async onBeforeRequest(request) {
			const headers = await api.session.headers();
			for (const [name, value] of Object.entries(headers)) request.setHeader(name, value);
		},
		onAfterResponse(_, response) {
			if (response.getStatus() < 400) refusals = 0;
		},
		onShouldRetry(error) {
			const status = statusOf(error);
			if (status === 401 && (!api.session.hasTokens || ++refusals > 1)) return false;
			if (status === 401) void api.session.token(true);
			if (!isForNow(status)) return false;
			told.onPaused();
			return true;
		},
		onUploadUrlAvailable: () => upload.url && told.onUrl(upload.url, cvIdOf(upload.url)),
		onProgress: (bytes) => isStopped || told.onSent(bytes),
		onSuccess: () => isStopped || told.onAccepted(cvIdOf(upload.url ?? '')),
		onError: (error) => isStopped || told.onRefused(sentenceOf(error)),
	});
	upload.start();
	return {
		stop() {
			isStopped = true;
			// The server forgets its part too, if it can be reached.
			upload.abort(true).catch(() => undefined);
		},
	};
}
