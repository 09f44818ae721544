// A batch: how far it is as a whole, what can be done with it, and those of its rows that are in sight.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Actions } from './actions';
import { Bar } from './bar';
import type { Batch, Board, Row } from './board';
import { Icon } from './icons';
import type { Seen } from './layout';
import { RowView } from './row';
import { formatDuration, formatNumber, formatTime, language, words } from './words';

const share = (batch: Batch): number => batch.bar || (batch.frame ? 0 : Math.floor(batch.rows.reduce((sum, r) => sum + r.bar, 0) / (batch.rows.length || 1)));

function counts(batch: Batch): [kind: string, text: string][] {
	const { frame } = batch;
	const w = words();
	const own = { completed: batch.count('completed'), failed: batch.count('failed'), cancelled: batch.count('cancelled') };
	const uploading = batch.rows.reduce((n, r) => n + Number(r.status === 'uploading'), 0);
	const all: [string, number | undefined, (n: number) => string][] = [
		['uploading', uploading, w.uploadingCount],
		['queued', frame?.queued, w.waiting],
		['processing', frame?.processing, w.reading],
		['completed', frame?.completed ?? own.completed, w.done],
		['failed', frame?.failed ?? own.failed, w.failed],
		['cancelled', frame?.cancelled ?? own.cancelled, w.cancelled],
	];
	return all.flatMap(([kind, n, say]) => (n ? [[kind, say(n)]] : []));
}

function pace(batch: Batch): string {
	if (batch.status !== 'processing') return '';
	const rate = batch.rate(Date.now());
	const eta = batch.frame?.eta_ms;
	return [rate && words().rate(formatNumber(rate, rate < 10 ? 1 : 0)), eta && words().left(formatDuration(eta))].filter(Boolean).join(' · ');
}

function Buttons({ batch, actions }: { batch: Batch; actions: Actions }): JSX.Element {
	const [gathering, setGathering] = useState('');
	const w = words();
	const save = async (kind: 'json' | 'csv') => {
		setGathering(w.gathering(0, batch.rows.length));
		await actions.saveResults(batch, kind, (n, of) => setGathering(w.gathering(n, of)));
		setGathering('');
	};
	const failed = batch.rows.some((r) => r.status === 'failed');
	const isMoving = batch.rows.some((r) => r.group === 'active');
	const hasResults = batch.rows.some((r) => r.status === 'completed');
	return (
		<div class="batch-actions">
			{gathering && <span class="soft">{gathering}</span>}
			{failed && !isMoving && (
				<button type="button" class="quiet" onClick={() => void actions.retryFailed(batch)}><Icon name="retry" /><span>{w.retryAll}</span></button>
			)}
			{isMoving && batch.id && (
				<button type="button" class="quiet" onClick={() => void actions.cancelBatch(batch)}><Icon name="stop" /><span>{w.cancelBatch}</span></button>
			)}
			{hasResults && !gathering && (['json', 'csv'] as const).map((kind) => (
				<button key={kind} type="button" class="quiet" aria-label={`${w.download}: ${kind.toUpperCase()}`} onClick={() => void save(kind)}>
					<Icon name="download" /><span>{kind.toUpperCase()}</span>
				</button>
			))}
		</div>
	);
}

interface Props {
	seen: Seen;
	board: Board;
	actions: Actions;
	onOpen: (row: Row) => void;
}

export function BatchView({ seen: { batch, rows, top, height, tops, first, end }, board, actions, onOpen }: Props): JSX.Element {
	const w = words();
	const total = Math.max(batch.frame?.total ?? 0, batch.rows.length);
	const value = share(batch);
	const status = w.status[batch.status as keyof typeof w.status] ?? batch.status;
	const title = batch.id ? w.batchFrom(formatTime(batch.sinceMs)) : w.otherCvs;
	const toggle = () => {
		batch.isCollapsed = !batch.isCollapsed;
		board.changed();
	};
	return (
		<section class="batch" data-batch-id={batch.id} data-status={batch.status} aria-label={title} style={{ top: `${top}px`, height: `${height}px` }}>
			<div class="head">
				<h2>
					<button type="button" class="fold" aria-expanded={!batch.isCollapsed} title={w.showRows} onClick={toggle}>
						<Icon name="chevron" />{title}
					</button>
				</h2>
				<span class="soft">{w.cvs(total)}</span>
				<span class="percent">{value} %</span>
				<Buttons batch={batch} actions={actions} />
			</div>
			<Bar value={value} label={`${title}: ${w.batchBar}`} text={`${status}, ${value} %`} />
			<p class="counts">
				{counts(batch).map(([kind, text]) => <span key={kind} data-kind={kind}>{text}</span>)}
				<span class="pace">{pace(batch)}</span>
			</p>
			<ul class="cvs">
				{rows.slice(first, end).map((row, i) => (
					<RowView key={row.key} row={row} version={row.version} top={tops[first + i] ?? 0} height={(tops[first + i + 1] ?? 0) - (tops[first + i] ?? 0)}
						position={first + i + 1} of={rows.length} language={language()} actions={actions} onOpen={onOpen} />
				))}
			</ul>
		</section>
	);
}
