// The page at /: what is chosen or dropped is uploaded, and every CV of the user moves by itself, whoever sent it.
// The user is ?user= of the page's address, else demo.

import { Store } from './store.js';
import { Stream } from './stream.js';
import { upload } from './upload.js';
import { View } from './view.js';

const WORDS = {
	connecting: 'Connecting…',
	'catching-up': 'Catching up…',
	live: 'Live',
	reconnecting: 'Connection lost, trying again…',
	offline: 'You are offline',
	'signed-out': 'Signed out: reload the page',
};

const user = new URLSearchParams(location.search).get('user') || 'demo';
const $ = (id) => document.getElementById(id);
const view = new View($('batches'));

function showConnection(state) {
	$('connection').dataset.connection = state;
	$('connection').textContent = WORDS[state];
}

function showNotice(sentence) {
	$('notice').textContent = sentence;
	$('notice').hidden = !sentence;
}

const store = new Store({
	onCv: (cv) => {
		$('empty').hidden = true;
		view.showCv(cv);
	},
	onBatch: (batch) => view.showBatch(batch),
});

function streamUrl(lastId) {
	const query = new URLSearchParams({ user_id: user });
	if (lastId) query.set('after_id', lastId);
	else query.set('snapshot', '1');
	const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
	return `${scheme}://${location.host}/api/v1/cv-processing/ws/${encodeURIComponent(user)}?${query}`;
}

async function send(files) {
	if (!files.length) return;
	showNotice('');
	$('empty').hidden = true;
	const rows = view.newUploads(files);
	try {
		await upload(files, user, rows);
	} catch (error) {
		for (const row of rows) row.refused(error.message);
		showNotice(`The upload did not work: ${error.message}`);
	}
}

$('files').addEventListener('change', (event) => {
	send([...event.target.files]);
	event.target.value = '';
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
	document.addEventListener(name, (event) => {
		event.preventDefault();
		$('drop').classList.toggle('over', name === 'dragenter' || name === 'dragover');
	});
}
document.addEventListener('drop', (event) => send([...event.dataTransfer.files]));

new Stream({
	url: streamUrl,
	lastId: () => store.lastId,
	onFrame: (frame) => store.apply(frame),
	onState: showConnection,
}).open();
