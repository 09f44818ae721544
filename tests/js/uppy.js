// Uppy with its tus plugin for a page: window.uploadByUppy(endpoint, name, bytes) resolves to {url} or {error}.
import Uppy from '@uppy/core';
import Tus from '@uppy/tus';

window.uploadByUppy = async (endpoint, name, bytes) => {
	const uppy = new Uppy().use(Tus, { endpoint, chunkSize: 1024 * 1024, retryDelays: [0, 100] });
	uppy.addFile({ name, type: 'text/plain', data: new Blob(['x'.repeat(bytes)], { type: 'text/plain' }) });
	const { successful, failed } = await uppy.upload();
	return successful.length ? { url: successful[0].uploadURL } : { error: String(failed[0].error) };
};
