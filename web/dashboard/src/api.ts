// The worker's HTTP API, as far as the page calls it. What goes wrong is an Error whose message is a sentence for the person.
import type { Session } from './session';
import { words } from './words';

export const BASE = '/api/v1/cv-processing';

export interface Timings {
	readonly received: string;
	readonly updated?: string;
	/** Milliseconds of each step: extract_ms and so on. */
	readonly stages?: Readonly<Record<string, number>>;
}

export interface Cv {
	readonly cv_id: string;
	readonly batch_id: string;
	readonly filename: string;
	readonly status: string;
	readonly attempt?: number;
	readonly error?: { readonly code: string; readonly message: string };
	readonly timings?: Timings;
	readonly resume?: Resume;
}

type Text = string | undefined;
export interface Entry {
	readonly name?: Text; readonly organization?: Text; readonly institution?: Text; readonly issuer?: Text; readonly publisher?: Text;
	readonly position?: Text; readonly studyType?: Text; readonly area?: Text; readonly title?: Text; readonly location?: Text;
	readonly startDate?: Text; readonly endDate?: Text; readonly date?: Text; readonly releaseDate?: Text;
	readonly summary?: Text; readonly description?: Text; readonly url?: Text; readonly language?: Text; readonly fluency?: Text;
	readonly level?: Text; readonly reference?: Text; readonly score?: Text;
	readonly highlights?: readonly string[]; readonly keywords?: readonly string[]; readonly courses?: readonly string[];
}
export interface Basics {
	readonly name?: Text; readonly label?: Text; readonly email?: Text; readonly phone?: Text; readonly url?: Text; readonly summary?: Text;
	readonly location?: { readonly address?: Text; readonly postalCode?: Text; readonly city?: Text; readonly region?: Text; readonly countryCode?: Text };
	readonly profiles?: readonly { readonly network?: Text; readonly username?: Text; readonly url?: Text }[];
}
export type SectionName =
	'work' | 'volunteer' | 'education' | 'skills' | 'languages' | 'certificates' | 'awards' | 'publications' | 'projects' | 'interests' | 'references';
export type Resume = { readonly basics?: Basics } & { readonly [section in SectionName]?: readonly Entry[] };

/** The sentence of a problem+json answer, or one for an answer that is none. */
export function sentence(status: number, body: string): string {
	try {
		const problem: unknown = JSON.parse(body);
		if (typeof problem === 'object' && problem !== null && 'detail' in problem && typeof problem.detail === 'string') return problem.detail;
	} catch {
		// It was not ours.
	}
	return status ? words().trouble.answered(status) : words().trouble.unreachable;
}

export class Api {
	constructor(readonly user: string, readonly session: Session) {}

	url(path: string): string {
		return `${BASE}${path}?user_id=${encodeURIComponent(this.user)}`;
	}

	async #ask(method: string, path: string, body?: object): Promise<Response> {
		const headers = { ...(await this.session.headers()), ...(body && { 'Content-Type': 'application/json' }) };
		const answer = await fetch(this.url(path), { method, headers, ...(body && { body: JSON.stringify(body) }) }).catch(() => undefined);
		if (!answer) throw new Error(words().trouble.unreachable);
		return answer;
	}

	async #call(method: string, path: string, body?: object): Promise<Response> {
		let answer = await this.#ask(method, path, body);
		if (answer.status === 401 && (await this.session.token(true))) answer = await this.#ask(method, path, body);
		if (!answer.ok) throw new Error(sentence(answer.status, await answer.text()));
		return answer;
	}

	async openBatch(total: number): Promise<string> {
		const batch = (await (await this.#call('POST', '/batches', { total })).json()) as { batch_id: string };
		return batch.batch_id;
	}

	async closeBatch(id: string): Promise<void> {
		await this.#call('POST', `/batches/${encodeURIComponent(id)}/close`, {});
	}

	async cancelBatch(id: string): Promise<void> {
		await this.#call('POST', `/batches/${encodeURIComponent(id)}/cancel`, {});
	}

	async cv(id: string): Promise<Cv> {
		return (await (await this.#call('GET', `/cvs/${encodeURIComponent(id)}`)).json()) as Cv;
	}

	async retry(id: string): Promise<void> {
		await this.#call('POST', `/cvs/${encodeURIComponent(id)}/retry`, {});
	}

	async erase(id: string): Promise<void> {
		await this.#call('DELETE', `/cvs/${encodeURIComponent(id)}`);
	}

	fileUrl(id: string): string {
		return this.url(`/cvs/${encodeURIComponent(id)}/file`);
	}

	async file(id: string): Promise<Blob> {
		return (await this.#call('GET', `/cvs/${encodeURIComponent(id)}/file`)).blob();
	}
}
