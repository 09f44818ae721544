// The page's few pictures, drawn with the colour of the text around them. They say nothing that words beside them do not say.
import type { JSX } from 'preact';

const PATHS = {
	upload: 'M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3',
	chevron: 'm6 9 6 6 6-6',
	close: 'M6 6l12 12M18 6 6 18',
	retry: 'M4 12a8 8 0 1 0 2.500-5.800M4 4v4h4',
	download: 'M12 4v12m0 0 5-5m-5 5-5-5M4 20h16',
	search: 'M10.500 17a6.500 6.500 0 1 1 0-13 6.500 6.500 0 0 1 0 13Zm5-2 5 5',
	check: 'm5 12.500 4.500 4.500L19 7.500',
	alert: 'M12 8v5m0 3.200v.010M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z',
	stop: 'M7 7h10v10H7z',
	auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 0v18M12 7h4m-4 4h6m-6 4h5',
	light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-6v2m0 16v2M4.900 4.900l1.500 1.500m11.200 11.200 1.500 1.500M2 12h2m16 0h2M4.900 19.100l1.500-1.500M17.600 6.400l1.500-1.500',
	dark: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z',
	trash: 'M5 7h14M10 7V4h4v3m-7 0 1 13h8l1-13',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
	return (
		<svg class="icon" viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
			<path d={PATHS[name]} />
		</svg>
	);
}
