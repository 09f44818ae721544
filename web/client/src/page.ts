// What happens to the page around us: shown and hidden, frozen, put aside for the back button, without network. In Node there
// is no page: it is never hidden and nothing happens.

export const hasPage = typeof document !== 'undefined';

export const isHidden = (): boolean => hasPage && document.visibilityState === 'hidden';
export const isOffline = (): boolean => typeof navigator !== 'undefined' && navigator.onLine === false;

export interface PageWatcher {
	/** Shown again, or the network is back. */
	wake(): void;
	/** Hidden. */
	tellStatus?(): void;
	networkLost(): void;
	/** Frozen or put aside: an open connection or a held lock would be in everybody's way. */
	stop(): void;
	/** Alive again. */
	start(): void;
}

/** Calls the watcher until the function that is returned is called. */
export function watchPage(watcher: PageWatcher): () => void {
	if (!hasPage) return () => {};
	const abort = new AbortController();
	const on = (target: EventTarget, event: string, callback: (event: Event) => void): void =>
		target.addEventListener(event, callback, { signal: abort.signal });

	on(document, 'visibilitychange', () => (isHidden() ? watcher.tellStatus?.() : watcher.wake()));
	on(globalThis, 'online', () => watcher.wake());
	on(globalThis, 'offline', () => watcher.networkLost());
	on(document, 'freeze', () => watcher.stop());
	on(document, 'resume', () => watcher.start());
	on(globalThis, 'pagehide', () => watcher.stop());
	on(globalThis, 'pageshow', (event) => (event as PageTransitionEvent).persisted && watcher.start());
	return () => abort.abort();
}
