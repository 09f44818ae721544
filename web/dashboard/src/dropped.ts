// The files of what a person dropped, also those in dropped folders.
import { MAX_FILES } from './uploads';

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((resolve, reject) => entry.file(resolve, reject));

// A folder is read in parts, until an empty one comes.
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
	const reader = folder.createReader();
	const all: FileSystemEntry[] = [];
	for (;;) {
		const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
		if (!part.length || all.length > MAX_FILES) return all;
		all.push(...part);
	}
}

export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
	// Asked for before the first await: after it the browser has emptied the list.
	const waiting = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
	if (!waiting.length) return [...transfer.files];
	const files: File[] = [];
	for (let entry = waiting.shift(); entry && files.length < MAX_FILES; entry = waiting.shift()) {
		if (entry.name.startsWith('.')) continue;
		if (entry.isDirectory) waiting.push(...(await entriesOf(entry as FileSystemDirectoryEntry)));
		else files.push(await fileOf(entry as FileSystemFileEntry));
	}
	return files;
}
