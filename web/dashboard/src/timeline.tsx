// The course of one CV: which stages it went through, and when this page saw it.
import type { JSX } from 'preact';
import { isTerminal, type Row } from './board';
import { formatClock, words } from './words';

const ALWAYS = ['received', 'extract', 'parse', 'deliver'];
const ORDER = ['upload', 'received', 'scan', 'extract', 'ocr', 'parse', 'deliver'];

export function Timeline({ row }: { row: Row }): JSX.Element {
	const w = words();
	const seen = new Map(row.steps.map((step) => [step.stage, step.atMs]));
	const reached = Math.max(...[...seen.keys(), row.cv?.stage ?? ''].map((stage) => ORDER.indexOf(stage)));
	const isOver = isTerminal(row.status);
	const stages = ORDER.filter((stage) => seen.has(stage) || ALWAYS.includes(stage));
	return (
		<ol class="timeline" aria-label={w.course}>
			{stages.map((stage) => {
				const at = ORDER.indexOf(stage);
				const state = at < reached || (row.status === 'completed') ? 'past' : at > reached ? 'ahead' : isOver ? 'past' : 'now';
				const time = seen.get(stage);
				return (
					<li key={stage} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
						<span>{w.stage[stage as keyof typeof w.stage]}</span>
						<small>{time ? formatClock(time) : state === 'ahead' ? <span class="unseen">{w.notReached}</span> : ''}</small>
					</li>
				);
			})}
			<li data-state={isOver ? row.status : 'ahead'}>
				<span>{isOver ? w.status[row.status] : w.status.completed}</span>
				<small>{seen.has(row.status) && isOver ? formatClock(seen.get(row.status) as number) : ''}</small>
			</li>
		</ol>
	);
}
