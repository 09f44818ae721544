// Which CVs are shown: by state, by name.
import type { JSX } from 'preact';
import type { Board } from './board';
import { Icon } from './icons';
import type { Wish } from './layout';
import { formatNumber, words } from './words';

const GROUPS = ['all', 'active', 'completed', 'failed', 'cancelled'] as const;

export function Toolbar({ board, wish, onWish }: { board: Board; wish: Wish; onWish: (wish: Wish) => void }): JSX.Element {
	const w = words();
	const numbers = { all: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };
	for (const batch of board.batches) {
		for (const row of batch.rows) {
			numbers[row.group]++;
			numbers.all++;
		}
	}
	return (
		<div class="toolbar">
			<div class="filters" role="group" aria-label={w.filter.label}>
				{GROUPS.filter((g) => g !== 'cancelled' || numbers.cancelled || wish.group === g).map((group) => (
					<button key={group} type="button" data-filter={group} aria-pressed={wish.group === group} onClick={() => onWish({ ...wish, group })}>
						{w.filter[group]} <span class="number">{formatNumber(numbers[group])}</span>
					</button>
				))}
			</div>
			<label class="search">
				<Icon name="search" />
				<input type="search" aria-label={w.search} placeholder={w.search} value={wish.name} onInput={(e) => onWish({ ...wish, name: e.currentTarget.value.toLowerCase() })} />
			</label>
		</div>
	);
}
