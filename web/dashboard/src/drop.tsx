// Where files are chosen; dropping works anywhere on the page.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { droppedFiles } from './dropped';
import { Icon } from './icons';
import { words } from './words';

const ACCEPT = '.pdf,.docx,.doc,.odt,.rtf,.txt,.html,.htm,.png,.jpg,.jpeg,.tif,.tiff';

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

export function Drop({ isSmall, onFiles }: { isSmall: boolean; onFiles: (files: File[]) => void }): JSX.Element {
	const [isOver, setOver] = useState(false);
	useEffect(() => {
		const over = (event: DragEvent) => {
			if (!carriesFiles(event)) return;
			event.preventDefault();
			setOver(true);
		};
		const leave = (event: DragEvent) => !event.relatedTarget && setOver(false);
		const drop = (event: DragEvent) => {
			event.preventDefault();
			setOver(false);
			if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(onFiles);
		};
		addEventListener('dragover', over);
		addEventListener('dragleave', leave);
		addEventListener('drop', drop);
		return () => {
			removeEventListener('dragover', over);
			removeEventListener('dragleave', leave);
			removeEventListener('drop', drop);
		};
	}, [onFiles]);
	const chosen = (event: JSX.TargetedEvent<HTMLInputElement>) => {
		const files = [...(event.currentTarget.files ?? [])];
		event.currentTarget.value = '';
		onFiles(files);
	};
	return (
		<label class={`drop${isOver ? ' over' : ''}${isSmall ? ' small' : ''}`}>
			<input type="file" multiple accept={ACCEPT} onChange={chosen} />
			<span class="drop-icon"><Icon name="upload" /></span>
			<strong>{isOver ? words().dropNow : words().dropTitle}</strong>
			<span class="soft">{words().dropHint}</span>
		</label>
	);
}
