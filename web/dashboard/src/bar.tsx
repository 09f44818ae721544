import type { JSX } from 'preact';

/** A progress bar that says in words, too, how far it is. */
export function Bar({ value, label, text }: { value: number; label: string; text: string }): JSX.Element {
	return (
		<div class="bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={value} aria-valuetext={text}>
			<div class="fill" style={{ transform: `scaleX(${value / 100})` }} />
		</div>
	);
}
