// The long list: as high as all of its batches, but only what is in sight is in the document.
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Actions } from './actions';
import { BatchView } from './batch';
import type { Board, Row } from './board';
import { type Heights, inSight, NARROW, place, WIDE, type Wish } from './layout';
import { words } from './words';

const narrow = matchMedia('(max-width: 640px)');

function useHeights(): Heights {
	const [isNarrow, setNarrow] = useState(narrow.matches);
	useEffect(() => {
		const changed = () => setNarrow(narrow.matches);
		narrow.addEventListener('change', changed);
		return () => narrow.removeEventListener('change', changed);
	}, []);
	return isNarrow ? NARROW : WIDE;
}

/** Which part of the element can be seen, from its top; told again as the page scrolls. */
function useWindow(element: { current: HTMLElement | null }): [number, number] {
	const [seen, setSeen] = useState<[number, number]>([0, innerHeight]);
	useLayoutEffect(() => {
		let isWaiting = false;
		const measure = () => {
			isWaiting = false;
			const from = -(element.current?.getBoundingClientRect().top ?? 0);
			setSeen((before) => (before[0] === from && before[1] === from + innerHeight ? before : [from, from + innerHeight]));
		};
		const later = () => {
			if (!isWaiting) requestAnimationFrame(measure);
			isWaiting = true;
		};
		measure();
		addEventListener('scroll', later, { passive: true });
		addEventListener('resize', later);
		return () => {
			removeEventListener('scroll', later);
			removeEventListener('resize', later);
		};
	}, [element]);
	return seen;
}

interface Props {
	board: Board;
	wish: Wish;
	actions: Actions;
	onOpen: (row: Row) => void;
}

export function List({ board, wish, actions, onOpen }: Props): JSX.Element {
	const box = useRef<HTMLDivElement>(null);
	const heights = useHeights();
	const [from, to] = useWindow(box);
	board.sort();
	const sections = place(board.batches, wish, heights);
	const last = sections.at(-1);
	return (
		<div ref={box} class="list" aria-label={words().listLabel} role="region" style={{ height: `${last ? last.top + last.height : 0}px` }}>
			{inSight(sections, from, to).map((seen) => (
				<BatchView key={seen.batch.id} seen={seen} board={board} actions={actions} onOpen={onOpen} />
			))}
			{!last && board.batches.length > 0 && <p class="empty">{words().nothingFits}</p>}
		</div>
	);
}
