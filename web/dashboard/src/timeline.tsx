// The course of one CV: which stages it went through, and when, or how long each took, once the server has told.
import type { JSX } from 'preact';
import { isTerminal, type Row } from './board';
import type { Timings } from './api';
import { formatClock, formatSpan, words } from './words';

const ALWAYS = ['received', 'extract', 'parse', 'deliver'];
const ORDER = ['upload', 'received', 'scan', 'extract', 'ocr', 'parse', 'deliver'];

/** Below a stage: how long it took, else when this page saw it begin. */
function times(row: Row, timings: Timings | undefined): (stage: string) => string {
	const seen = new Map(row.steps.map((step) => [step.stage, step.atMs]));
	const clock = (time: string | number | undefined): string => (time === undefined ? '' : formatClock(new Date(time).getTime()));
	return (stage) => {
		const spent = timings?.stages?.[`${stage}_ms`];
		if (spent !== undefined) return formatSpan(spent);
		if (stage === 'received') return clock(timings?.received ?? seen.get(stage));
		return clock(isTerminal(stage) ? (timings?.updated ?? seen.get(stage)) : timings ? undefined : seen.get(stage));
	};
}

export function Timeline({ row, timings }: { row: Row; timings: Timings | undefined }): JSX.Element {
	const w = words();
	const seen = new Set(row.steps.map((step) => step.stage));
	const reached = Math.max(...[...seen, row.cv?.stage ?? ''].map((stage) => ORDER.indexOf(stage)));
	const isOver = isTerminal(row.status);
	const timeOf = times(row, timings);
	const stages = ORDER.filter((stage) => seen.has(stage) || ALWAYS.includes(stage) || timings?.stages?.[`${stage}_ms`]);
	return (
		<ol class="timeline" aria-label={w.course}>
			{stages.map((stage) => {
				const at = ORDER.indexOf(stage);
				const state = at < reached || row.status === 'completed' ? 'past' : at > reached ? 'ahead' : isOver ? 'past' : 'now';
				return (
					<li key={stage} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
						<span>{w.stage[stage as keyof typeof w.stage]}</span>
						<small>{timeOf(stage) || (state === 'ahead' && <span class="unseen">{w.notReached}</span>)}</small>
					</li>
				);
			})}
			<li data-state={isOver ? row.status : 'ahead'}>
				<span>{isOver ? w.status[row.status] : w.status.completed}</span>
				<small>{isOver && timeOf(row.status)}</small>
			</li>
		</ol>
	);
}
