// The language of the page: what the person chose, else the browser's, else English. Changing it draws the page anew.
import { de } from './words/de';
import { en, type Words } from './words/en';
import { recall, remember } from './memory';

export const LANGUAGES: Readonly<Record<string, Words>> = { en, de };

let code = 'en';

export const language = (): string => code;
export const words = (): Words => LANGUAGES[code] ?? en;

export function setLanguage(wanted: string): void {
	if (!LANGUAGES[wanted]) return;
	code = wanted;
	document.documentElement.lang = wanted;
	remember('language', wanted);
}

export function startLanguage(): void {
	const wanted = [recall('language'), ...navigator.languages.map((l) => l.slice(0, 2))].find((l) => l && LANGUAGES[l]);
	code = wanted ?? 'en';
	document.documentElement.lang = code;
}

export const formatNumber = (n: number, digits = 0): string => n.toLocaleString(code, { maximumFractionDigits: digits });

export function formatBytes(n: number): string {
	if (n < 1000) return `${n} B`;
	if (n < 1e6) return `${formatNumber(n / 1e3)} kB`;
	return `${formatNumber(n / 1e6, 1)} MB`;
}

export function formatDuration(ms: number): string {
	const s = Math.ceil(ms / 1000);
	if (s < 90) return words().seconds(s);
	if (s < 5400) return words().minutes(Math.round(s / 60));
	return words().hours(Math.round(s / 3600));
}

/** The time of day; before today, the day too. */
export function formatTime(ms: number): string {
	const date = new Date(ms);
	const time = { hour: '2-digit', minute: '2-digit' } as const;
	if (date.toDateString() === new Date().toDateString()) return date.toLocaleTimeString(code, time);
	return date.toLocaleString(code, { day: 'numeric', month: 'short', ...time });
}

/** How long something took. */
export const formatSpan = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${formatNumber(ms / 1000, 1)} s`);

export const formatClock = (ms: number): string => new Date(ms).toLocaleTimeString(code);
