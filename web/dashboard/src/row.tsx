// One CV in the list. Drawn again only when its version, its place or the language changed.
import { Component, type JSX } from 'preact';
import type { Actions } from './actions';
import { Bar } from './bar';
import type { Row } from './board';
import { Icon } from './icons';
import { formatBytes, formatDuration, words } from './words';

/** What takes less is over before it is read. */
const LONG_MS = 5000;

export interface RowProps {
	row: Row;
	version: number;
	top: number;
	height: number;
	position: number;
	of: number;
	language: string;
	actions: Actions;
	onOpen: (row: Row) => void;
}

/** The sentence of an error: in the page's language if it has one, else the server's own. */
export function errorSentence(error: { code: string; message: string } | undefined): string {
	return (error && (words().errors[error.code] ?? error.message)) || words().status.failed;
}

function uploadNote(row: Row): string {
	const upload = row.upload;
	if (!upload) return '';
	if (upload.phase === 'waiting') return words().uploadWaits;
	if (upload.phase === 'paused') return words().uploadPaused;
	if (upload.phase === 'refused') return upload.reason;
	return words().sent(formatBytes(upload.sent), formatBytes(upload.size));
}

/** How much was found. */
function early(row: Row): string[] {
	const { found, duplicate } = words();
	const result = row.cv?.result ?? {};
	const count = (member: string, say: (n: number) => string): string => {
		const n = result[member];
		return typeof n === 'number' && n > 0 ? say(n) : '';
	};
	const parts = [count('work', found.jobs), count('education', found.education), count('skills', found.skills)];
	if (row.cv?.duplicate_of) parts.push(duplicate);
	return parts.filter(Boolean);
}

/** What there is to say about it now. */
export function noteOf(row: Row): string {
	const { cv } = row;
	if (!cv) return uploadNote(row);
	if (cv.status === 'failed') return errorSentence(cv.error);
	if (cv.status === 'completed') return early(row).join(' · ');
	if (cv.status === 'cancelled') return '';
	const stage = words().stage[cv.stage as keyof Words['stage']];
	const what = (words().language === 'English' || !stage ? cv.message : stage) ?? '';
	const eta = typeof cv.eta_ms === 'number' && cv.eta_ms >= LONG_MS ? words().left(formatDuration(cv.eta_ms)) : '';
	return [what, eta].filter(Boolean).join(' · ');
}
type Words = ReturnType<typeof words>;

const ending = (name: string): string => /\.([A-Za-z0-9]{1,4})$/.exec(name)?.[1]?.toUpperCase() ?? '?';

function RowActions({ row, actions }: { row: Row; actions: Actions }): JSX.Element | null {
	const { retry, dismiss, cancelUpload } = words();
	if (row.status === 'failed' || row.status === 'cancelled') {
		return (
			<button type="button" class="quiet" aria-label={`${retry}: ${row.name}`} onClick={() => void actions.retry(row)}>
				<Icon name="retry" />
				<span>{retry}</span>
			</button>
		);
	}
	if (row.cv) return null;
	const label = row.status === 'refused' ? `${dismiss}: ${row.name}` : cancelUpload(row.name);
	return (
		<button type="button" class="quiet only-icon" aria-label={label} title={label} onClick={() => actions.dismiss(row)}>
			<Icon name="close" />
		</button>
	);
}

export class RowView extends Component<RowProps> {
	override shouldComponentUpdate(next: RowProps): boolean {
		const { props } = this;
		return (['row', 'version', 'top', 'height', 'position', 'of', 'language'] as const).some((name) => props[name] !== next[name]);
	}

	override render({ row, top, height, position, of, actions, onOpen }: RowProps): JSX.Element {
		const status = words().status[row.status];
		const note = noteOf(row);
		const person = row.group === 'failed' ? '' : row.person;
		const isMoving = row.group === 'active';
		return (
			<li class="cv" data-cv-id={row.cv?.cv_id} data-status={row.status} aria-setsize={of} aria-posinset={position} style={{ top: `${top}px`, height: `${height}px` }}>
				<span class="kind" aria-hidden="true">{ending(row.name)}</span>
				{row.cv ? (
					<button type="button" class="name" aria-haspopup="dialog" onClick={() => onOpen(row)}>{row.name}</button>
				) : (
					<span class="name">{row.name}</span>
				)}
				<span class="status">
					{row.group === 'completed' && <Icon name="check" />}
					{row.group === 'failed' && <Icon name="alert" />}
					{status}
					{isMoving && <span class="percent">{row.bar} %</span>}
				</span>
				<Bar value={row.bar} label={row.name} text={`${status}, ${row.bar} %`} />
				<p class="note">{person && <strong>{person}</strong>}{person && note && ' · '}{note}</p>
				<span class="row-actions"><RowActions row={row} actions={actions} /></span>
			</li>
		);
	}
}
