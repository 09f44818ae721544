// A result may come from somebody's own processor and be of any shape. What cannot be drawn must not take the page with it.
import { Component, type ComponentChildren, type JSX } from 'preact';

interface Props {
	/** Shown instead. */
	sentence: string;
	children: ComponentChildren;
}

export class Fence extends Component<Props, { isBroken: boolean }> {
	override state = { isBroken: false };

	static override getDerivedStateFromError(): { isBroken: boolean } {
		return { isBroken: true };
	}

	override render({ sentence, children }: Props): JSX.Element {
		return this.state.isBroken ? <p class="trouble">{sentence}</p> : <>{children}</>;
	}
}
