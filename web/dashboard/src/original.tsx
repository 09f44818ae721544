// The file as it was uploaded, if the browser can show its kind. It is somebody else's file: HTML goes into a frame that may
// run nothing, and all of it is under the page's Content-Security-Policy, which a blob inherits.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Api } from './api';
import { words } from './words';

const KINDS: Readonly<Record<string, string>> = {
	pdf: 'application/pdf', png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', txt: 'text/plain', html: 'text/html', htm: 'text/html',
};

/** More text than this nobody reads here, and a browser would choke on it. */
const TEXT_MAX_BYTES = 1 << 20;

const kindOf = (name: string): string | undefined => KINDS[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''];

function decode(bytes: ArrayBuffer): string {
	const [a, b] = new Uint8Array(bytes);
	if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
	if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes);
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		return new TextDecoder('windows-1252').decode(bytes);
	}
}

interface Shown {
	readonly url?: string;
	readonly text?: string;
}

async function load(api: Api, cvId: string, kind: string): Promise<Shown> {
	const bytes = await (await api.file(cvId)).arrayBuffer();
	return kind === 'text/plain' ? { text: decode(bytes.slice(0, TEXT_MAX_BYTES)) } : { url: URL.createObjectURL(new Blob([bytes], { type: kind })) };
}

export function Original({ api, cvId, name }: { api: Api; cvId: string; name: string }): JSX.Element {
	const [shown, setShown] = useState<Shown>();
	const [trouble, setTrouble] = useState('');
	const kind = kindOf(name);
	useEffect(() => {
		if (!kind) return undefined;
		let isGone = false;
		let url: string | undefined;
		load(api, cvId, kind).then(
			(loaded) => {
				url = loaded.url;
				if (isGone && url) URL.revokeObjectURL(url);
				else setShown(loaded);
			},
			(error: Error) => setTrouble(error.message),
		);
		return () => {
			isGone = true;
			if (url) URL.revokeObjectURL(url);
		};
	}, [api, cvId, kind]);
	if (!kind) return <p class="soft">{words().noPreview}</p>;
	if (trouble) return <p class="trouble">{trouble}</p>;
	if (!shown) return <p class="soft">{words().loading}</p>;
	if (shown.text !== undefined) return <pre tabIndex={0}>{shown.text}</pre>;
	if (kind.startsWith('image/')) return <img class="scan" src={shown.url} alt={name} />;
	return kind === 'text/html' ? <iframe src={shown.url} title={name} sandbox="" /> : <iframe src={`${shown.url}#navpanes=0&view=FitH`} title={name} />;
}
