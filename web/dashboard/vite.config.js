// No inline script, no data: address: the site's Content-Security-Policy allows only files of the site itself.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
	esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
	// The client from its source, so that it needs no build of its own first.
	resolve: { alias: { 'cvpulse-client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) } },
	build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
