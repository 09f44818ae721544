// The second transport: server-sent events, read by fetch, which unlike EventSource can carry a token and shows when a proxy
// keeps the bytes to itself.
import { broken } from './closing.js';
import { asId, parseFrame } from './frame.js';
import { address, endOf, get, type Open } from './transport.js';
import type { End, Frame } from './types.js';

// In characters: no frame of ours comes near it.
const LONGEST = 1 << 24;

/** Cuts a stream of text into blocks of "field: value" lines (HTML standard, 9.2.6; our server writes \n alone). */
export function blocks(onBlock: (fields: Record<string, string>) => void): (text: string) => void {
	let rest = '';
	return (text) => {
		const parts = (rest + text).split('\n\n');
		rest = parts.pop() ?? '';
		if (rest.length > LONGEST) throw broken('too long');
		for (const part of parts) {
			const fields: Record<string, string> = Object.create(null);
			for (const line of part.split('\n')) {
				const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
				fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
			}
			onBlock(fields);
		}
	};
}

export const openSse: Open = (way, told) => {
	const { times } = way;
	const abort = new AbortController();
	let heardAt = Date.now();
	let timer: ReturnType<typeof setTimeout>;
	let retryAfterMs = 0;
	// The server's goodbye: it counts when it was the last word.
	let goodbye: Frame | undefined;

	const end = (why: End): void => {
		if (abort.signal.aborted) return;
		close();
		told.onEnd(why);
	};
	const close = (): void => {
		clearTimeout(timer);
		abort.abort();
	};
	const expect = (withinMs: number): void => {
		clearTimeout(timer);
		timer = setTimeout(() => end(broken('no answer', true)), withinMs);
	};
	const onBlock = (fields: Record<string, string>): void => {
		goodbye = undefined;
		if (/^\d+$/.test(fields.retry ?? '')) retryAfterMs = Number(fields.retry);
		const received = fields.data === undefined ? undefined : parseFrame(fields.data);
		if (!received) return;
		if (fields.event === 'close') [goodbye] = received;
		else told.onFrame([received[0], asId(fields.id)]);
	};
	const read = async (): Promise<void> => {
		const lastId = way.lastId();
		const url = address(way, 'events', { after_id: lastId, snapshot: lastId ? '' : '1' });
		const answer = await get(way, url, 'text/event-stream', abort.signal);
		const take = blocks(onBlock);
		const decoder = new TextDecoder();
		const reader = answer.body?.getReader();
		for (;;) {
			const chunk = await reader?.read();
			if (abort.signal.aborted) return;
			if (!chunk || chunk.done) break;
			heardAt = Date.now();
			expect(times.silentMs);
			told.onOpen();
			take(decoder.decode(chunk.value, { stream: true }));
		}
		end({ ...(goodbye ? { code: Number(goodbye.code), reason: String(goodbye.reason) } : broken('ended')), retryAfterMs });
	};

	expect(times.muteMs);
	read().catch((thrown: unknown) => end(endOf(thrown)));
	return {
		close,
		check: () => {
			if (Date.now() - heardAt > times.silentMs / 2) end(broken('no answer'));
		},
	};
};
