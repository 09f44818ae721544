// A list of CVs that follows the server. Bundled with: npx esbuild examples/react/app.tsx --bundle --jsx=automatic
import { createRoot } from 'react-dom/client';
import { StrictMode } from 'react';
import { useCvpulse } from './use-cvpulse';

const userId = new URLSearchParams(location.search).get('user') ?? 'demo';

function App() {
	const state = useCvpulse({ userId });
	if (!state) return <p>…</p>;
	return (
		<main data-connection={state.connection}>
			<p role="status">{state.connection}</p>
			<ul>
				{[...state.cvs.values()].map((cv) => (
					<li key={cv.cv_id} data-cv-id={cv.cv_id} data-status={cv.status}>
						{cv.filename ?? cv.cv_id} <progress max={100} value={cv.progress} /> {cv.status}
					</li>
				))}
			</ul>
		</main>
	);
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<StrictMode><App /></StrictMode>);
