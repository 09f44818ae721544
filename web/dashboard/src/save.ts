// Downloads: the results of a batch as JSON or as a table (CSV), made in the browser from what the API gives for each CV.
import type { Api, Cv, Entry } from './api';
import type { Batch } from './board';

const AT_ONCE = 6;

export function saveBlob(blob: Blob, name: string): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The results of all CVs of a batch that have ended; what was erased meanwhile is left out. */
export async function gather(api: Api, batch: Batch, onProgress: (n: number, of: number) => void): Promise<Cv[]> {
	const ids = batch.rows.flatMap((row) => (row.cv && row.group !== 'active' ? [row.cv.cv_id] : []));
	const found: (Cv | undefined)[] = [];
	let next = 0;
	let done = 0;
	const lane = async (): Promise<void> => {
		for (let i = next++; i < ids.length; i = next++) {
			found[i] = await api.cv(ids[i] as string).catch(() => undefined);
			onProgress(++done, ids.length);
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, lane));
	return found.filter((cv) => cv !== undefined);
}

export const asJson = (cvs: readonly Cv[]): Blob => new Blob([JSON.stringify(cvs, null, 2)], { type: 'application/json' });

// RFC 4180. A spreadsheet takes a cell that begins like a formula for one, also a telephone number ("+1-2" becomes -1): a quote
// in front keeps it text. The full-width signs are formulas in East Asian versions.
function cell(value: string | undefined): string {
	let text = String(value ?? '');
	if (/^[=+\-@\t\r\n＝＋－＠]/.test(text)) text = `'${text}`;
	return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const names = (entries: readonly Entry[] | undefined): string => (entries ?? []).map((e) => e.name ?? e.language ?? '').filter(Boolean).join('; ');

const COLUMNS: readonly (readonly [string, (cv: Cv) => string | undefined])[] = [
	['file', (cv) => cv.filename],
	['status', (cv) => cv.status],
	['name', (cv) => cv.resume?.basics?.name],
	['title', (cv) => cv.resume?.basics?.label],
	['email', (cv) => cv.resume?.basics?.email],
	['phone', (cv) => cv.resume?.basics?.phone],
	['city', (cv) => cv.resume?.basics?.location?.city],
	['country', (cv) => cv.resume?.basics?.location?.countryCode],
	['latest_position', (cv) => cv.resume?.work?.[0]?.position],
	['latest_employer', (cv) => cv.resume?.work?.[0]?.name],
	['latest_degree', (cv) => cv.resume?.education?.[0]?.studyType],
	['latest_school', (cv) => cv.resume?.education?.[0]?.institution],
	['skills', (cv) => names(cv.resume?.skills)],
	['languages', (cv) => names(cv.resume?.languages)],
	['error', (cv) => cv.error?.message],
	['cv_id', (cv) => cv.cv_id],
];

/** With a byte order mark: without one Excel takes UTF-8 for the machine's old character set. */
export function asCsv(cvs: readonly Cv[]): Blob {
	const lines = [COLUMNS.map(([name]) => name), ...cvs.map((cv) => COLUMNS.map(([, value]) => cell(value(cv))))];
	return new Blob(['\ufeff', ...lines.map((line) => `${line.join(',')}\r\n`)], { type: 'text/csv;charset=utf-8' });
}
