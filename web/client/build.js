// Makes dist/: ES modules and types by tsc, and the same in one minified file by esbuild. Fails when that file is too large.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const BUDGET_BYTES = 6 * 1024;
const SINGLE = 'dist/cvpulse-client.min.js';

process.chdir(import.meta.dirname ?? new URL('.', import.meta.url).pathname);
rmSync('dist', { recursive: true, force: true });
execFileSync(process.execPath, [createRequire(import.meta.url).resolve('typescript/bin/tsc')], { stdio: 'inherit' });
buildSync({ entryPoints: ['src/index.ts'], outfile: SINGLE, bundle: true, minify: true, format: 'esm', target: 'es2022' });
const size = gzipSync(readFileSync(SINGLE), { level: 9 }).length;
console.log(`${SINGLE}: ${size} of ${BUDGET_BYTES} bytes, gzipped`);
if (size >= BUDGET_BYTES) process.exit(1);
