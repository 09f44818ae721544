// Who the person is, and the token that says so. Without a token service the user is ?user= of the page's address, else demo,
// and the browser's cookies, if any, prove it. With one, <meta name="cvpulse-token-url" content="/session/token"> in the page names
// a path of this site that answers {"token":"…"} (a JWT whose `sub` is the user), or anything else when nobody is signed in.

const tokenUrl = (): string | undefined => document.querySelector<HTMLMetaElement>('meta[name=cvpulse-token-url]')?.content || undefined;

function subjectOf(token: string): string {
	const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
	const claims: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (c) => c.charCodeAt(0))));
	return typeof claims === 'object' && claims !== null && 'sub' in claims ? String(claims.sub) : '';
}

async function ask(url: string): Promise<string | null> {
	const answer = await fetch(url, { credentials: 'same-origin', cache: 'no-store' });
	const body: unknown = answer.ok ? await answer.json() : null;
	return typeof body === 'object' && body !== null && 'token' in body ? String(body.token) : null;
}

export class Session {
	#url = tokenUrl();
	#token: Promise<string | null> | undefined;

	get hasTokens(): boolean {
		return this.#url !== undefined;
	}

	/** Whoever asks while one is being fetched gets that one. Null: nobody is signed in, or it could not be asked. */
	token(renew = false): Promise<string | null> {
		if (!this.#url) return Promise.resolve(null);
		if (renew) this.#token = undefined;
		this.#token ??= ask(this.#url).catch(() => null);
		return this.#token;
	}

	/** '': nobody is signed in. */
	async user(): Promise<string> {
		if (!this.#url) return new URLSearchParams(location.search).get('user') || 'demo';
		const token = await this.token();
		try {
			return token ? subjectOf(token) : '';
		} catch {
			return '';
		}
	}

	async headers(): Promise<Record<string, string>> {
		const token = await this.token();
		return token ? { Authorization: `Bearer ${token}` } : {};
	}
}
