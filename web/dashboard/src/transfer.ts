// One file on its way to the server. What comes of it is told by calls; after stop() nothing is told any more.
import { type Api, sentence } from './api';

export interface Job {
	readonly file: Blob;
	readonly name: string;
	readonly batchId: string;
	/** Where an earlier attempt left off. */
	readonly url?: string;
}

export interface Outcome {
	onSent(bytes: number): void;
	/** The server has all of it, as this CV. */
	onAccepted(cvId: string): void;
	/** It will not take it; the sentence says why. */
	onRefused(why: string): void;
	onUrl(url: string): void;
	/** The connection is gone; it goes on by itself. */
	onPaused(): void;
}

export function transfer(api: Api, job: Job, told: Outcome): { stop(): void } {
	const form = new FormData();
	form.append('batch_id', job.batchId);
	form.append('file', job.file, job.name);
	const request = new XMLHttpRequest();
	request.open('POST', api.url('/cvs'));
	request.upload.onprogress = (event) => told.onSent(Math.min(event.loaded, job.file.size));
	request.onload = () => {
		if (request.status >= 300) return told.onRefused(sentence(request.status, request.responseText));
		const answer = JSON.parse(request.responseText) as { cvs: { cv_id: string }[] };
		return told.onAccepted(answer.cvs[0]?.cv_id ?? '');
	};
	request.onerror = () => told.onRefused(sentence(0, ''));
	request.send(form);
	return { stop: () => request.abort() };
}
