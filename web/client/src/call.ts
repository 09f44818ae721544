// Other people's functions.

/** Calls back. What it throws is reported as uncaught, and stops nothing here. */
export function call<T>(callback: ((value: T) => void) | undefined, value: T): void {
	try {
		callback?.(value);
	} catch (thrown) {
		queueMicrotask(() => {
			throw thrown;
		});
	}
}
