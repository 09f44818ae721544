// The whole page. It is drawn again at most once a frame, for whatever changed on the board until then.
import type { Connection, ConnectionState } from 'cvpulse-client';
import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { Actions } from './actions';
import { Announcer } from './announcer';
import type { Api } from './api';
import type { Board, Row } from './board';
import { Detail } from './detail';
import { Drop } from './drop';
import { Header } from './header';
import { Icon } from './icons';
import type { Wish } from './layout';
import { List } from './list';
import { Toolbar } from './toolbar';
import type { Uploads } from './uploads';
import { setLanguage, words } from './words';

interface Props {
	api: Api;
	board: Board;
	uploads: Uploads;
	connection: Connection;
	onReconnect: () => void;
}

function useRedraw(subscribe: (listener: () => void) => () => void): () => void {
	const [, setCount] = useState(0);
	const redraw = useCallback(() => setCount((n) => n + 1), []);
	useEffect(() => subscribe(redraw), [subscribe, redraw]);
	return redraw;
}

/** The id of the CV that is open, as the page's address says: so a CV can be linked to, and "back" closes it. */
function openId(): string {
	try {
		return decodeURIComponent(/^#cv=(.+)$/.exec(location.hash)?.[1] ?? '');
	} catch {
		return ''; // not an address that we made
	}
}

function useOpenRow(board: Board): [Row | undefined, (row: Row) => void, () => void] {
	const [id, setId] = useState(openId);
	useEffect(() => {
		const changed = () => setId(openId());
		addEventListener('popstate', changed);
		return () => removeEventListener('popstate', changed);
	}, []);
	const open = useCallback((row: Row) => {
		history.pushState(null, '', `#cv=${encodeURIComponent(row.cv?.cv_id ?? '')}`);
		setId(openId());
	}, []);
	const close = useCallback(() => {
		if (openId()) history.replaceState(null, '', location.pathname + location.search);
		setId('');
	}, []);
	return [id ? board.row(id) : undefined, open, close];
}

function useConnectionState(connection: Connection): ConnectionState {
	const [state, setState] = useState(connection.state.connection);
	useEffect(() => {
		setState(connection.state.connection);
		return connection.on('connection', setState);
	}, [connection]);
	return state;
}

/** In the browser's tab, for who looks elsewhere meanwhile: how far the batches are that still move. */
function titleOf(board: Board): string {
	const moving = board.batches.filter((b) => b.id && b.status === 'processing');
	if (!moving.length) return 'cvpulse';
	return `${Math.min(...moving.map((b) => b.bar))} % · cvpulse`;
}

export function App({ api, board, uploads, connection, onReconnect }: Props): JSX.Element {
	const redraw = useRedraw(useCallback((listener) => board.subscribe(listener), [board]));
	const state = useConnectionState(connection);
	const [notice, setNotice] = useState('');
	const [said, setSaid] = useState('');
	const [wish, setWish] = useState<Wish>({ group: 'all', name: '' });
	const [openRow, open, close] = useOpenRow(board);
	const actions = useMemo(() => new Actions(api, board, uploads, setNotice), [api, board, uploads]);
	const onFiles = useCallback((files: File[]) => {
		setNotice('');
		if (files.length) setSaid(words().announce.chosen(files.length));
		void actions.upload(files);
	}, [actions]);
	const hasRows = board.batches.length > 0;
	const title = titleOf(board);
	useEffect(() => { document.title = title; }, [title]);
	return (
		<>
			<Header connection={state} onReconnect={onReconnect} onTheme={redraw} onLanguage={(code) => { setLanguage(code); redraw(); }} />
			<main>
				<Drop isSmall={hasRows} onFiles={onFiles} />
				{notice && (
					<p class="notice" role="alert">
						{notice}
						<button type="button" class="quiet only-icon" aria-label={words().dismiss} onClick={() => setNotice('')}><Icon name="close" /></button>
					</p>
				)}
				{hasRows ? <Toolbar board={board} wish={wish} onWish={setWish} /> : <p class="empty">{words().empty}</p>}
				<List board={board} wish={wish} actions={actions} onOpen={open} />
			</main>
			{openRow && <Detail key={openRow.key} row={openRow} actions={actions} onClose={close} />}
			<Announcer board={board} isLive={state === 'live' || state === 'polling'} said={said} />
		</>
	);
}
