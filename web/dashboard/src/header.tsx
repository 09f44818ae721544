// The page's head: is it live, in which language, in which colours.
import type { ConnectionState } from 'cvpulse-client';
import type { JSX } from 'preact';
import { Icon } from './icons';
import { applyTheme, nextTheme, theme } from './theme';
import { language, LANGUAGES, words } from './words';

interface Props {
	connection: ConnectionState;
	onReconnect: () => void;
	onLanguage: (code: string) => void;
	onTheme: () => void;
}

export function Header({ connection, onReconnect, onLanguage, onTheme }: Props): JSX.Element {
	const w = words();
	const colours = `${w.theme.label}: ${w.theme[theme()]}`;
	return (
		<header>
			<h1><img src="/icon.svg" alt="" width="30" height="30" />cvpulse</h1>
			<p class="badge" role="status" data-connection={connection} title={w.connectionMeans[connection]}>{w.connection[connection]}</p>
			{connection === 'signed-out' && <button type="button" class="quiet" onClick={onReconnect}><Icon name="retry" />{w.retry}</button>}
			<div class="choices">
				<select aria-label={w.languageLabel} value={language()} onChange={(e) => onLanguage(e.currentTarget.value)}>
					{Object.entries(LANGUAGES).map(([code, { language: name }]) => <option key={code} value={code}>{name}</option>)}
				</select>
				<button type="button" class="quiet only-icon" aria-label={colours} title={colours} onClick={() => { applyTheme(nextTheme()); onTheme(); }}>
					<Icon name={theme()} />
				</button>
			</div>
		</header>
	);
}
