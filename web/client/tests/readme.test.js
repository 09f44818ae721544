// The README names everything that the types have.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

// The members of an interface in a file of types.
function members(file, name) {
	const [, body] = new RegExp(`export (?:interface|declare class) ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(read(file));
	return [...body.matchAll(/^ {4}(?:readonly |get )?(\w+)\??[:(<]/gm)].map(([, member]) => member).filter((member) => member !== 'constructor');
}

for (const [file, name, least] of [
	['dist/connect.d.ts', 'ConnectOptions', 6], ['dist/tokens.d.ts', 'TokenWishes', 1], ['dist/connect.d.ts', 'Connection', 5],
	['dist/types.d.ts', 'Status', 3], ['dist/types.d.ts', 'State', 3], ['dist/types.d.ts', 'Events', 6],
	['dist/reconnecting-websocket.d.ts', 'ReconnectingWebSocketOptions', 7], ['dist/reconnecting-websocket.d.ts', 'ReconnectingWebSocket', 3],
]) {
	test(`the README names all of ${name}`, () => {
		const named = members(file, name);
		assert.ok(named.length >= least, named.join());
		for (const member of named) assert.match(readme, new RegExp(`[\`.]${member}\\b|^\\s+${member}:`, 'm'), member);
	});
}

test('the README names every state of a connection', () => {
	const [, states] = /type ConnectionState = (.*);/.exec(read('dist/types.d.ts'));
	for (const state of states.replaceAll("'", '').split(' | ')) assert.ok(readme.includes(`| \`${state}\` |`), state);
});
