// One CV close up: its course, what was found, and the original beside it.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Actions } from './actions';
import type { Cv } from './api';
import { Bar } from './bar';
import type { Row } from './board';
import { Fence } from './fence';
import { Icon } from './icons';
import { asJson, saveBlob } from './save';
import { Original } from './original';
import { ResumeView } from './resume';
import { noteOf } from './row';
import { Timeline } from './timeline';
import { words } from './words';

/** The CV with its result; asked for again when it has ended or was tried again. */
function useCv(row: Row, actions: Actions): [Cv | undefined, string] {
	const [cv, setCv] = useState<Cv>();
	const [trouble, setTrouble] = useState('');
	const id = row.cv?.cv_id ?? '';
	useEffect(() => {
		let isGone = false;
		setTrouble('');
		if (id && row.status === 'completed') {
			actions.api.cv(id).then((answer) => isGone || setCv(answer), (error: Error) => isGone || setTrouble(error.message));
		} else {
			setCv(undefined);
		}
		return () => { isGone = true; };
	}, [id, row.status, row.cv?.attempt]);
	return [cv, trouble];
}

function Buttons({ row, cv, actions, onClose }: { row: Row; cv: Cv | undefined; actions: Actions; onClose: () => void }): JSX.Element {
	const w = words();
	const erase = async () => {
		if (!confirm(w.removeSure)) return;
		await actions.erase(row);
		onClose();
	};
	return (
		<div class="detail-actions">
			{row.group !== 'active' && <button type="button" onClick={() => void actions.retry(row)}><Icon name="retry" />{w.retry}</button>}
			<button type="button" onClick={() => void actions.saveOriginal(row)}><Icon name="download" />{w.downloadOriginal}</button>
			{cv?.resume && <button type="button" onClick={() => saveBlob(asJson([cv]), `${row.name}.json`)}><Icon name="download" />{w.asJson}</button>}
			<button type="button" class="danger" onClick={() => void erase()}><Icon name="trash" />{w.remove}</button>
		</div>
	);
}

export function Detail({ row, actions, onClose }: { row: Row; actions: Actions; onClose: () => void }): JSX.Element {
	const dialog = useRef<HTMLDialogElement>(null);
	const [cv, trouble] = useCv(row, actions);
	const w = words();
	const note = noteOf(row);
	useEffect(() => dialog.current?.showModal(), []);
	return (
		<dialog ref={dialog} class="detail" aria-labelledby="detail-name" data-status={row.status} onClose={onClose}>
			<div class="detail-head">
				<h2 id="detail-name">{row.name}</h2>
				<span class="status">{w.status[row.status]}</span>
				<button type="button" class="quiet only-icon" aria-label={w.close} title={w.close} onClick={() => dialog.current?.close()}><Icon name="close" /></button>
			</div>
			<Bar value={row.bar} label={row.name} text={`${w.status[row.status]}, ${row.bar} %`} />
			<Timeline row={row} timings={cv?.timings} />
			{note && row.group === 'failed' && <p class="trouble">{note}</p>}
			<Buttons row={row} cv={cv} actions={actions} onClose={() => dialog.current?.close()} />
			<div class="panes">
				<section aria-labelledby="pane-result">
					<h3 id="pane-result">{w.result}</h3>
					{trouble && <p class="trouble">{trouble}</p>}
					{cv?.resume ? <Fence key={cv.attempt} sentence={w.strangeResult}><ResumeView resume={cv.resume} /></Fence> : <p class="soft">{row.status === 'completed' && !trouble ? w.loading : w.noResult}</p>}
				</section>
				<section aria-labelledby="pane-original">
					<h3 id="pane-original">{w.original}</h3>
					<Original api={actions.api} cvId={row.cv?.cv_id ?? ''} name={row.name} />
				</section>
			</div>
		</dialog>
	);
}
