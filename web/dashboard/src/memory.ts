// What the page remembers between visits: two or three small choices. A browser that forbids storage forgets them.

const key = (name: string): string => `cvpulse.${name}`;

export function recall(name: string): string | null {
	try {
		return localStorage.getItem(key(name));
	} catch {
		return null;
	}
}

export function remember(name: string, value: string): void {
	try {
		localStorage.setItem(key(name), value);
	} catch {
		// It is forgotten, then.
	}
}
