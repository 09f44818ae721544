// Who the user is: the token that is good now, one for all who ask.
import type { End } from './types.js';

export interface TokenWishes {
	/**
	 * A token of the user. Asked before the first connection, and with renew = true when the last token expires or was refused.
	 * Null: there is none any more, the user is signed out. Without getToken the browser's cookies say who it is.
	 */
	getToken?: (wish: { renew: boolean }) => Promise<string | null> | string | null;
}

// Where tokens come from may be out of order for a while: that is no transport's fault, and no reason to give up.
async function ask(getToken: NonNullable<TokenWishes['getToken']>, renew: boolean): Promise<string> {
	const got = await Promise.resolve({ renew }).then(getToken).catch((thrown: unknown) => {
		throw { code: 1013, reason: `getToken: ${String(thrown)}` } satisfies End;
	});
	if (!got) throw { code: 4410, reason: 'no token' } satisfies End;
	return got;
}

/** Whoever asks for a token while one is being fetched gets that one, unless it has been on its way for longer than patienceMs. */
export function tokens({ getToken }: TokenWishes, patienceMs: number): (renew?: boolean) => Promise<string | undefined> {
	let token: Promise<string> | undefined;
	// When the token on its way is given up; 0 when none is on its way.
	let until = 0;
	return async (renew = false) => {
		if (!getToken) return undefined;
		if (until ? performance.now() > until : renew || !token) {
			const asked = ask(getToken, renew);
			token = asked;
			until = performance.now() + patienceMs;
			const answered = (kept: typeof token): void => {
				if (token === asked) [token, until] = [kept, 0];
			};
			asked.then(() => answered(asked), () => answered(undefined));
		}
		return token;
	};
}
