// What a screen reader says by itself: a summary, politely and seldom, never one sentence for each event.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Board } from './board';
import { words } from './words';

const SELDOM_MS = 5000;

interface Sum { all: number; ended: number; failed: number }

function sum(board: Board): Sum {
	const total = { all: 0, ended: 0, failed: 0 };
	for (const batch of board.batches) {
		for (const row of batch.rows) {
			total.all++;
			if (row.group !== 'active') total.ended++;
			if (row.group === 'failed') total.failed++;
		}
	}
	return total;
}

interface Props {
	board: Board;
	/** The page knows what there is. */
	isLive: boolean;
	/** To be said now. */
	said: string;
}

export function Announcer({ board, isLive, said }: Props): JSX.Element {
	const [text, setText] = useState('');
	const timer = useRef<ReturnType<typeof setTimeout>>();
	const before = useRef<Sum>();
	useEffect(() => setText(said), [said]);
	// What was there when the page opened is no news.
	useEffect(() => {
		if (isLive) before.current ??= sum(board);
	}, [board, isLive]);
	useEffect(() => {
		const speak = () => {
			timer.current = undefined;
			const now = sum(board);
			const last = before.current;
			if (last) before.current = now;
			if (!last || now.all === 0 || (now.ended === last.ended && now.all === last.all)) return;
			const { announce } = words();
			setText(now.ended === now.all ? announce.end(now.all, now.failed) : announce.progress(now.ended, now.all, now.failed));
		};
		const stop = board.subscribe(() => { timer.current ??= setTimeout(speak, SELDOM_MS); });
		return () => {
			stop();
			clearTimeout(timer.current);
		};
	}, [board]);
	return <p class="unseen" aria-live="polite">{text}</p>;
}
