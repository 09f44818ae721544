// Light or dark: as the system says, unless the person chose one. The style sheet looks at data-theme of <html>.
import { recall, remember } from './memory';

export const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

export const theme = (): Theme => (document.documentElement.dataset.theme as Theme | undefined) ?? 'auto';

export function applyTheme(wanted: string | null): void {
	if (wanted !== 'light' && wanted !== 'dark') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = wanted;
	remember('theme', theme());
}

/** The one after this. */
export const nextTheme = (): Theme => THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? 'auto';

export const startTheme = (): void => applyTheme(recall('theme'));
