// The last transport: plain requests, one after the other, each of which waits a few seconds for an event. None is begun while
// the page is hidden.
import { broken } from './closing.js';
import { asId, type Received } from './frame.js';
import { address, endOf, get, type Open } from './transport.js';
import type { End, Frame } from './types.js';

interface Answer {
	readonly events: readonly Frame[];
	readonly last_id: string;
	readonly resync: boolean;
	readonly snapshot?: Frame;
}

// What a stream would have said: the same frames, and "resumed" when the answer is whole.
function* frames({ events, last_id, resync, snapshot }: Answer): Generator<Received> {
	if (resync) yield [{ type: 'resync' }, ''];
	if (snapshot) yield [snapshot, ''];
	for (const frame of events) yield [frame, asId(frame.prev) && asId(frame.id)];
	yield [{ type: 'resumed', last_id }, ''];
}

export const openPoll: Open = (way, told) => {
	const { times } = way;
	let over = false;
	let request: AbortController | undefined;
	let timer: ReturnType<typeof setTimeout> | undefined;

	const end = (why: End): void => {
		if (over) return;
		close();
		told.onEnd(why);
	};
	const close = (): void => {
		over = true;
		clearTimeout(timer);
		request?.abort();
	};
	const ask = async (signal: AbortSignal): Promise<Answer> => {
		const lastId = way.lastId();
		const waitS = (times.pollMs * (0.75 + Math.random() / 2)) / 1000;
		const url = address(way, 'events', { after_id: lastId, wait: lastId && waitS.toFixed(3) });
		const json = 'application/json';
		const answer = await get(way, url, json, signal).catch((thrown: unknown) => {
			// A token that has expired is renewed without a word.
			if (endOf(thrown).code !== 4401) throw thrown;
			return get(way, url, json, signal, true);
		});
		return (await answer.json()) as Answer;
	};
	const poll = async (): Promise<void> => {
		if (over || request || way.isHidden()) return;
		request = new AbortController();
		const begun = performance.now();
		timer = setTimeout(() => end(broken('no answer', true)), times.muteMs + times.pollMs * 1.25);
		try {
			const answer = await ask(request.signal);
			if (over) return;
			clearTimeout(timer);
			request = undefined;
			told.onOpen();
			for (const received of frames(answer)) told.onFrame(received);
			timer = setTimeout(poll, Math.max(0, begun + times.pollGapMs - performance.now()));
		} catch (thrown) {
			end(endOf(thrown));
		}
	};
	const check = (): void => {
		if (request) return;
		clearTimeout(timer);
		void poll();
	};

	void poll();
	return { close, check };
};
