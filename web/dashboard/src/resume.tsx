// A JSON Resume, for reading. Addresses become links only when they are of the web, of mail or of a telephone.
import type { JSX } from 'preact';
import type { Basics, Entry, Resume, SectionName } from './api';
import { words } from './words';

const present = (parts: readonly (string | undefined)[], between: string): string => parts.filter(Boolean).join(between);

function Link({ url, text = url }: { url: string; text?: string }): JSX.Element {
	if (!/^(https?:|mailto:|tel:)/i.test(url)) return <span>{text}</span>;
	return <a href={url} target="_blank" rel="noopener noreferrer">{text}</a>;
}

function Head({ basics }: { basics: Basics }): JSX.Element {
	const { location } = basics;
	const place = location && present([location.address, present([location.postalCode, location.city], ' '), location.region, location.countryCode], ', ');
	return (
		<div class="basics">
			<h4>{basics.name}</h4>
			{basics.label && <p class="label">{basics.label}</p>}
			<ul class="contacts">
				{basics.email && <li><Link url={`mailto:${basics.email}`} text={basics.email} /></li>}
				{basics.phone && <li><Link url={`tel:${basics.phone.replaceAll(/[^\d+]/g, '')}`} text={basics.phone} /></li>}
				{place && <li>{place}</li>}
				{basics.url && <li><Link url={basics.url} /></li>}
				{basics.profiles?.map((profile, i) => (
					<li key={i}><Link url={profile.url ?? ''} text={present([profile.network, profile.username], ': ') || profile.url || ''} /></li>
				))}
			</ul>
			{basics.summary && <p>{basics.summary}</p>}
		</div>
	);
}

function when({ startDate, endDate, date, releaseDate }: Entry, isSpan: boolean): string {
	if (startDate || endDate) return `${startDate ?? '…'} – ${endDate ?? (isSpan ? words().today : '…')}`;
	return date ?? releaseDate ?? '';
}

function Item({ entry, isSpan }: { entry: Entry; isSpan: boolean }): JSX.Element {
	const what = entry.position ?? present([entry.studyType, entry.area], ', ') ?? '';
	const where = entry.name ?? entry.organization ?? entry.institution ?? entry.title ?? '';
	const more = present([entry.location, entry.issuer ?? entry.publisher, entry.score], ' · ');
	const [head, below] = what ? [what, present([where, more], ' · ')] : [where, more];
	return (
		<li class="entry">
			<div class="entry-head"><strong>{head}</strong><span class="soft">{when(entry, isSpan)}</span></div>
			{below && <p class="soft">{below}</p>}
			{entry.url && <p><Link url={entry.url} /></p>}
			{(entry.summary ?? entry.description ?? entry.reference) && <p>{entry.summary ?? entry.description ?? entry.reference}</p>}
			{!!entry.highlights?.length && <ul class="highlights">{entry.highlights.map((h, i) => <li key={i}>{h}</li>)}</ul>}
			{!!entry.courses?.length && <p class="soft">{entry.courses.join(', ')}</p>}
		</li>
	);
}

const tagText = (e: Entry): string => present([e.name ?? e.language, e.level ?? e.fluency], ' · ') + (e.keywords?.length ? ` (${e.keywords.join(', ')})` : '');

const TAGS = new Set<SectionName>(['skills', 'languages', 'interests']);
const SPANS = new Set<SectionName>(['work', 'volunteer']);

export function ResumeView({ resume }: { resume: Resume }): JSX.Element {
	const { sections } = words();
	return (
		<div class="resume">
			{resume.basics && <Head basics={resume.basics} />}
			{(Object.keys(sections) as SectionName[]).map((name) => {
				const entries = resume[name];
				if (!entries?.length) return null;
				return (
					<section key={name}>
						<h4>{sections[name]}</h4>
						{TAGS.has(name) ? (
							<ul class="tags">{entries.map((e, i) => <li key={i}>{tagText(e)}</li>)}</ul>
						) : (
							<ul class="entries">{entries.map((e, i) => <Item key={i} entry={e} isSpan={SPANS.has(name)} />)}</ul>
						)}
					</section>
				);
			})}
		</div>
	);
}
