// useCvpulse(): the live state of a user's CVs as a React hook.
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { connect, type ConnectOptions, type State } from 'cvpulse-client';

/** Connects while the component is mounted; connects anew when userId or baseUrl change. */
export function useCvpulse(options: ConnectOptions): State | undefined {
	const holder = useMemo(() => hold(options), [options.userId, options.baseUrl]);
	useEffect(() => holder.open(), [holder]);
	return useSyncExternalStore(holder.subscribe, holder.state, () => undefined);
}

// The connection belongs to an effect, not to the rendering: React may render twice, or render and never mount.
function hold(options: ConnectOptions) {
	let connection: ReturnType<typeof connect> | undefined;
	const callbacks = new Set<() => void>();
	return {
		open() {
			const opened = connect(options);
			connection = opened;
			for (const callback of callbacks) opened.subscribe(callback);
			return () => opened.close();
		},
		subscribe(callback: () => void) {
			callbacks.add(callback);
			const unsubscribe = connection?.subscribe(callback);
			return () => {
				callbacks.delete(callback);
				unsubscribe?.();
			};
		},
		state: () => connection?.state,
	};
}
