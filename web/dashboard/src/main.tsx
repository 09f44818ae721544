// The page at /: what is chosen or dropped is uploaded, and every CV of the user moves by itself, whoever sent it.
import { connect } from 'cvpulse-client';
import { render } from 'preact';
import { Api, BASE } from './api';
import { App } from './app';
import { Board } from './board';
import { Session } from './session';
import { startTheme } from './theme';
import { Uploads } from './uploads';
import { startLanguage } from './words';
import './style.css';

startTheme();
startLanguage();

const session = new Session();
const api = new Api(await session.user(), session);
const board = new Board();
const uploads = new Uploads(api, board);
const connection = connect({
	baseUrl: BASE,
	userId: api.user,
	...(session.hasTokens && { getToken: ({ renew }) => (api.user ? session.token(renew) : null) }),
});
connection.on('batch', (batch) => board.onBatch(batch));
connection.on('cv', (cv) => board.onCv(cv, connection.state.connection === 'live'));
connection.on('removed', (ids) => board.onRemoved(ids));
// Who was not signed in when the page began has no name yet: only a new beginning helps.
const reconnect = () => (api.user ? connection.reconnect() : location.reload());

render(<App api={api} board={board} uploads={uploads} connection={connection} onReconnect={reconnect} />, document.getElementById('app') as HTMLElement);
if (api.user) void uploads.resume();
