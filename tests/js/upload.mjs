// Uploads one file by tus-js-client; tests/e2e/test_tus_clients.py runs it.
//   node upload.mjs ENDPOINT FILE OPTIONS-AS-JSON
// Prints one JSON line: {"url": …} or {"error": …, "status": …}.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Upload } from 'tus-js-client';

const [endpoint, file, options] = process.argv.slice(2);
const say = (result) => console.log(JSON.stringify(result));

const upload = new Upload(createReadStream(file), {
	endpoint,
	uploadSize: (await stat(file)).size,
	metadata: { filename: basename(file), filetype: 'text/plain' },
	retryDelays: [0, 50, 100, 200, 400, 800, 1600],
	...JSON.parse(options),
	onError: (error) => say({ error: error.message, status: error.originalResponse?.getStatus() ?? null }),
	onSuccess: () => say({ url: upload.url }),
});
upload.start();
