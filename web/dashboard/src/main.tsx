// The page at /: what is chosen or dropped is uploaded, and every CV of the user moves by itself, whoever sent it.
// The user is ?user= of the page's address, else demo; who may be whom is the server's to say.
import { connect } from 'cvpulse-client';
import { render } from 'preact';
import { Api, BASE } from './api';
import { App } from './app';
import { Board } from './board';
import { startTheme } from './theme';
import { Uploads } from './uploads';
import { startLanguage } from './words';
import './style.css';

const user = new URLSearchParams(location.search).get('user') || 'demo';
startTheme();
startLanguage();

const api = new Api(user);
const board = new Board();
const uploads = new Uploads(api, board);
const connection = connect({ baseUrl: BASE, userId: user });
connection.on('batch', (batch) => board.onBatch(batch));
connection.on('cv', (cv) => board.onCv(cv, connection.state.connection === 'live'));
connection.on('removed', (ids) => board.onRemoved(ids));

render(<App api={api} board={board} uploads={uploads} connection={connection} />, document.getElementById('app') as HTMLElement);
void uploads.resume();
